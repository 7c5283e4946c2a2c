import FoundationEssentials
import StayposCore

/// What daemon and scorer say to each other: one JSON object a message, each message whole or not at all.
///
/// The scorer speaks first, a ``ScorerGreeting``. Then every ``ScorerRequest``, which carries the image's descriptor, is
/// answered by one ``ScorerReply``. After the first image the daemon takes the scorer for hostile.
package enum ScorerProtocol {
  package static let version = 2

  /// Bytes of one message, in either direction.
  package static let maximumMessageSize = 1 << 16

  /// Unicode scalars of a text for people that the daemon takes over.
  static let maximumTextLength = 512

  static func encode(_ message: some Encodable) throws(ScorerProtocolError) -> [UInt8] {
    let bytes: [UInt8]
    do {
      bytes = Array(try JSONEncoder().encode(message))
    } catch {
      throw ScorerProtocolError("a message cannot be encoded: \(error)")
    }
    guard bytes.count <= maximumMessageSize else {
      throw ScorerProtocolError("a message of \(bytes.count) bytes is longer than \(maximumMessageSize)")
    }
    return bytes
  }

  static func decode<Message: Decodable>(_ bytes: [UInt8]) throws(ScorerProtocolError) -> Message {
    do {
      return try JSONDecoder().decode(Message.self, from: Data(bytes))
    } catch {
      throw ScorerProtocolError("not a \(Message.self)")
    }
  }
}

/// The peer broke the protocol, or is gone.
package struct ScorerProtocolError: Error, Equatable, CustomStringConvertible {
  package var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// What a scorer has loaded.
package struct ScorerModel: Hashable, Sendable, Codable {
  package enum Head: String, Sendable, Codable {
    /// All weights ≥ 0: no real score.
    case positive
    case linear
  }

  package var name: String
  /// Of the model file.
  package var sha256: SHA256Digest
  /// The model's own.
  package var threshold: Threshold
  package var head: Head
  /// Never `auto`: what was chosen.
  package var precision: Precision
  /// Pixels; images with a shorter side are `too-small`.
  package var minimumSize: Int

  package init(
    name: String, sha256: SHA256Digest, threshold: Threshold, head: Head, precision: Precision, minimumSize: Int
  ) {
    self.name = name
    self.sha256 = sha256
    self.threshold = threshold
    self.head = head
    self.precision = precision
    self.minimumSize = minimumSize
  }
}

/// Ready to score.
package struct ScorerHello: Hashable, Sendable, Codable {
  package var version: Int
  package var model: ScorerModel
  package var sandbox: SandboxReport

  package init(model: ScorerModel, sandbox: SandboxReport) {
    version = ScorerProtocol.version
    self.model = model
    self.sandbox = sandbox
  }
}

/// The first message: exactly one of the two.
struct ScorerGreeting: Sendable, Codable {
  var hello: ScorerHello?
  /// Why the model was not loaded.
  var loadFailed: String?
}

/// One image to score; its descriptor, open for reading only, comes with the message.
package struct ScorerRequest: Hashable, Sendable, Codable {
  package var id: UInt64
  package var limits: ImageLimits
  /// To work with; at most as many as the scorer was started for.
  package var threads: Int
  /// The scan may stop when this is certain to be reached; nil: never.
  package var earlyExit: Threshold?
}

/// A score with the image's size, or a reason with its detail.
struct ScorerReply: Sendable, Codable {
  var id: UInt64
  var score: Score?
  var size: ImageSize?
  var reason: NotScoredReason?
  var detail: String?

  init(id: UInt64, outcome: ScoringOutcome) {
    self.id = id
    switch outcome {
    case .scored(let score, let size):
      self.score = score
      self.size = size
    case .notScored(let reason, let detail):
      self.reason = reason
      self.detail = String(String.UnicodeScalarView(detail.unicodeScalars.prefix(ScorerProtocol.maximumTextLength)))
    }
  }
}
