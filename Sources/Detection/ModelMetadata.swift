import FoundationEssentials
import StayposCore

/// A model file's `__metadata__`, parsed and checked.
struct ModelMetadata {
  var name: String
  var head: Head.Kind
  var threshold: Threshold
  var architecture: Architecture
  var preprocessing: Preprocessing
  var card: String?

  init(_ metadata: [String: String]) throws(DetectionError) {
    guard let format = metadata["format"], format == Model.format else {
      throw DetectionError(
        .notAModel,
        "this is no staypos model (its metadata lack format \"\(Model.format)\"): import it with staypos model import")
    }
    let version = try metadata.entry("format_version")
    guard version == Model.formatVersion else {
      throw DetectionError(
        .unsupportedVersion,
        "the model has format version \(version.debugDescription), this program reads version \(Model.formatVersion)")
    }
    name = try metadata.entry("name")
    guard (1...200).contains(name.unicodeScalars.count),
      name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else { throw DetectionError.metadata("name", "it needs 1 to 200 characters, none of them a control character") }

    guard let head = Head.Kind(rawValue: try metadata.entry("head")) else {
      throw DetectionError.metadata("head", "it has to be \"positive\" or \"linear\"")
    }
    self.head = head
    guard let value = Double(try metadata.entry("threshold")), let threshold = Threshold(value) else {
      throw DetectionError.metadata("threshold", "it has to be a number between 0 and 1")
    }
    self.threshold = threshold
    architecture = try metadata.json("architecture")
    if let problem = architecture.problem { throw DetectionError.metadata("architecture", problem) }
    preprocessing = try metadata.json("preprocessing")
    if let problem = preprocessing.problem { throw DetectionError.metadata("preprocessing", problem) }
    card = metadata["card"]
  }
}

extension DetectionError {
  fileprivate static func metadata(_ key: String, _ problem: String) -> DetectionError {
    DetectionError(.badMetadata, "the model's metadata entry \"\(key)\" is not valid: \(problem)")
  }
}

extension [String: String] {
  fileprivate func entry(_ key: String) throws(DetectionError) -> String {
    guard let value = self[key] else {
      throw DetectionError(.badMetadata, "the model's metadata entry \"\(key)\" is missing")
    }
    return value
  }

  fileprivate func json<Decoded: Decodable>(_ key: String) throws(DetectionError) -> Decoded {
    let text = try entry(key)
    do {
      return try JSONDecoder().decode(Decoded.self, from: Data(text.utf8))
    } catch let error as DecodingError {
      throw DetectionError.metadata(key, error.problem)
    } catch {
      throw DetectionError.metadata(key, "\(error)")
    }
  }
}

extension DecodingError {
  /// One line with the place, for people.
  fileprivate var problem: String {
    let (context, text): (Context, String) =
      switch self {
      case .keyNotFound(let key, let context): (context, "the key \"\(key.stringValue)\" is missing")
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        (context, context.debugDescription)
      @unknown default: (Context(codingPath: [], debugDescription: ""), "\(self)")
      }
    let place = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    return place.isEmpty ? text : "at \(place): \(text)"
  }
}
