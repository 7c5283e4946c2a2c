import Detection
import FoundationEssentials
import StayposCore

/// What `model info` says.
struct ModelRecord: Encodable {
  struct HeadRecord: Encodable {
    var kind: Head.Kind
    var weights: Int
    var positive: Int
    var negative: Int
    var bias: Double
  }

  var name: String
  var sha256: SHA256Digest
  var threshold: Double
  var head: HeadRecord
  var family: String
  var architecture: Architecture
  var preprocessing: Preprocessing
  var parameters: Int
  var minimumSize: Int
  /// Calibrated for it.
  var int8: Bool
  /// An object where the file has one; the text itself if it is not JSON.
  var card: JSONValue?

  init(_ model: Model) {
    let info = model.info
    name = info.name
    sha256 = info.sha256
    threshold = info.threshold.value
    head = HeadRecord(
      kind: info.head, weights: model.head.weights.count, positive: model.head.weights.count { $0 > 0 },
      negative: model.head.weights.count { $0 < 0 }, bias: model.head.bias)
    family = info.architecture.family
    architecture = info.architecture
    preprocessing = info.preprocessing
    parameters = info.parameterCount
    minimumSize = info.minimumSize
    int8 = model.calibration != nil
    card = info.card.map { text in
      (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .string(text)
    }
  }

  /// For people.
  var lines: [(name: String, value: String)] {
    var lines = [
      ("name", name), ("sha256", "\(sha256)"),
      (
        "head",
        "\(head.kind.rawValue), \(head.weights) weights (\(head.positive) above 0, \(head.negative) below), bias "
          + head.bias.fixed(4, signed: true)
      ),
      ("threshold", "\(threshold)"), ("parameters", "\(parameters)"),
      ("smallest image", "\(minimumSize) x \(minimumSize) pixels"), ("architecture", Self.json(architecture)),
      ("preprocessing", Self.json(preprocessing)), ("int8", int8 ? "calibrated" : "not calibrated"),
    ]
    if case .object(let members) = card {
      lines += members.sorted { $0.key < $1.key }.map { ("card: \($0.key)", $0.value.text) }
    } else if let card {
      lines.append(("card", card.text))
    }
    let width = (lines.map(\.0.count).max() ?? 0) + 2
    return lines.map { ($0.0.padded(width), $0.1) }
  }

  private static func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}

/// JSON whose shape nobody has fixed: a model's card.
enum JSONValue: Codable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// A string as it is, anything else as JSON.
  var text: String {
    if case .string(let text) = self { return text }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
