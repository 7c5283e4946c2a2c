import Filesystem
import FoundationEssentials
import StayposCore
import SystemPackage

extension QuarantineRecord: Codable {
  private enum CodingKeys: String, CodingKey {
    case format, id, state, path, pathBase64, identity, sha256, size, uid, gid, mode, modified, attributes
    case attributesOmitted, links, writerOpen, score, probability, threshold, model, time, timeText, host, copied,
      restoration
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func refuse(_ key: CodingKeys, _ reason: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: values, debugDescription: reason)
    }
    let format = try values.decode(Int.self, forKey: .format)
    guard format == Self.currentFormat else { throw refuse(.format, "format \(format) is not \(Self.currentFormat)") }
    id = try values.decode(QuarantineID.self, forKey: .id)
    state = try values.decode(State.self, forKey: .state)
    let text = try values.decode(String.self, forKey: .path)
    let base64 = try values.decodeIfPresent(String.self, forKey: .pathBase64)
    guard let path = FilePath(json: text, base64: base64), path.isPlain else {
      throw refuse(.path, "not an absolute path without . and ..")
    }
    self.path = path
    identity = try values.decode(FileIdentity.self, forKey: .identity)
    guard identity.size >= 0, try values.decode(Int64.self, forKey: .size) == identity.size else {
      throw refuse(.size, "sizes contradict each other")
    }
    sha256 = try values.decode(SHA256Digest.self, forKey: .sha256)
    let mode = try values.decode(UInt32.self, forKey: .mode)
    guard mode <= 0o7777 else { throw refuse(.mode, "not permission bits") }
    metadata = FileMetadata(
      uid: try values.decode(UInt32.self, forKey: .uid), gid: try values.decode(UInt32.self, forKey: .gid), mode: mode,
      modified: try values.decode(Timestamp.self, forKey: .modified),
      attributes: try values.decode([StoredAttribute].self, forKey: .attributes).map(\.attribute),
      attributesOmitted: try values.decodeIfPresent(Bool.self, forKey: .attributesOmitted) ?? false)
    links = try values.decode(UInt64.self, forKey: .links)
    writerOpen = try values.decodeIfPresent(Bool.self, forKey: .writerOpen)
    score = try values.decode(Score.self, forKey: .score)
    threshold = try values.decode(Threshold.self, forKey: .threshold)
    model = try values.decode(Model.self, forKey: .model)
    time = try values.decode(Timestamp.self, forKey: .time)
    host = try values.decode(String.self, forKey: .host)
    copied = try values.decode(Bool.self, forKey: .copied)
    restoration = try values.decodeIfPresent(Restoration.self, forKey: .restoration)
    guard (state == .restoring) == (restoration != nil) else { throw refuse(.restoration, "contradicts the state") }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(Self.currentFormat, forKey: .format)
    try values.encode(id, forKey: .id)
    try values.encode(state, forKey: .state)
    let json = path.json
    try values.encode(json.path, forKey: .path)
    try values.encodeIfPresent(json.pathBase64, forKey: .pathBase64)
    try values.encode(identity, forKey: .identity)
    try values.encode(size, forKey: .size)
    try values.encode(sha256, forKey: .sha256)
    try values.encode(metadata.uid, forKey: .uid)
    try values.encode(metadata.gid, forKey: .gid)
    try values.encode(metadata.mode, forKey: .mode)
    try values.encode(metadata.modified, forKey: .modified)
    try values.encode(metadata.attributes.map(StoredAttribute.init), forKey: .attributes)
    if metadata.attributesOmitted { try values.encode(true, forKey: .attributesOmitted) }
    try values.encode(links, forKey: .links)
    try values.encodeIfPresent(writerOpen, forKey: .writerOpen)
    try values.encode(score, forKey: .score)
    try values.encode(score.probability, forKey: .probability)
    try values.encode(threshold, forKey: .threshold)
    try values.encode(model, forKey: .model)
    try values.encode(time, forKey: .time)
    try values.encode(time.rfc3339, forKey: .timeText)
    try values.encode(host, forKey: .host)
    try values.encode(copied, forKey: .copied)
    try values.encodeIfPresent(restoration, forKey: .restoration)
  }

  /// - Parameter id: the file's name, which the record has to confirm.
  init(reading json: [UInt8], id: QuarantineID) throws(QuarantineError) {
    do {
      self = try JSONDecoder().decode(QuarantineRecord.self, from: Data(json))
    } catch {
      let reason = (error as? DecodingError)?.reason ?? "\(error)"
      throw QuarantineError(
        .tampered,
        "the record of \(id) makes no sense (\(reason)): put a copy of \(id).json back, or copy the content out of the "
          + "quarantine by hand")
    }
    guard self.id == id else {
      throw QuarantineError(.tampered, "the record of \(id) is that of \(self.id): give the file its own name back")
    }
  }

  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }
}

extension QuarantineRecord.Restoration: Codable {
  private enum CodingKeys: String, CodingKey {
    case path, pathBase64, copy
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let base64 = try values.decodeIfPresent(String.self, forKey: .pathBase64)
    guard let path = FilePath(json: try values.decode(String.self, forKey: .path), base64: base64), path.isPlain else {
      throw DecodingError.dataCorruptedError(
        forKey: .path, in: values, debugDescription: "not an absolute path without . and ..")
    }
    target = path
    copy = try values.decodeIfPresent(FileIdentity.self, forKey: .copy)
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    let json = target.json
    try values.encode(json.path, forKey: .path)
    try values.encodeIfPresent(json.pathBase64, forKey: .pathBase64)
    try values.encodeIfPresent(copy, forKey: .copy)
  }
}

extension DecodingError {
  /// Which value is wrong and how, in one line.
  fileprivate var reason: String {
    let (context, missing): (Context, String?) =
      switch self {
      case .keyNotFound(let key, let context): (context, key.stringValue)
      case .valueNotFound(_, let context), .typeMismatch(_, let context), .dataCorrupted(let context): (context, nil)
      @unknown default: (Context(codingPath: [], debugDescription: "it is not a record"), nil)
      }
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    if let missing { return "\(place.isEmpty ? "" : "\(place): ")there is no \(missing)" }
    return place.isEmpty ? context.debugDescription : "\(place): \(context.debugDescription)"
  }
}

/// Names and values are bytes: both in base 64, and the name as text for people.
private struct StoredAttribute: Codable {
  var name: String
  var nameBase64: Data
  var valueBase64: Data

  init(_ attribute: ExtendedAttribute) {
    name = String(decoding: attribute.name, as: UTF8.self)
    nameBase64 = Data(attribute.name)
    valueBase64 = Data(attribute.value)
  }

  var attribute: ExtendedAttribute { ExtendedAttribute(name: Array(nameBase64), value: Array(valueBase64)) }
}

extension FilePath {
  /// Absolute, names a file, and has no `.` or `..`: what an open directory can be asked for.
  var isPlain: Bool {
    isAbsolute && !components.isEmpty && components.allSatisfy { $0.kind == .regular }
  }
}
