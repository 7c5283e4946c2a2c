import FoundationEssentials

/// Coding of the JSON objects between two NULs (https://varlink.org/Protocol).
package enum VarlinkMessage {
  /// The object's bytes and the NUL that ends it.
  package static func encode(_ message: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    var bytes = [UInt8](try encoder.encode(message))
    bytes.append(0)
    return bytes
  }

  package static func decode<Message: Decodable>(_ type: Message.Type, from bytes: [UInt8]) throws -> Message {
    try JSONDecoder().decode(type, from: Data(bytes))
  }
}

/// What a call says beside its parameters.
package struct VarlinkCallHeader: Decodable, Sendable, Equatable {
  package var method: String
  /// The client takes any number of replies.
  package var more: Bool?
  /// The client wants no reply.
  package var oneway: Bool?
  /// The client wants to speak another protocol afterwards; staypos has none.
  package var upgrade: Bool?
}

package struct VarlinkCall<Parameters: Encodable>: Encodable {
  package var method: String
  package var parameters: Parameters
  package var more: Bool?
  package var oneway: Bool?

  package init(method: String, parameters: Parameters, more: Bool? = nil, oneway: Bool? = nil) {
    self.method = method
    self.parameters = parameters
    self.more = more
    self.oneway = oneway
  }
}

/// The parameters of a call whose header is known; absent parameters are an empty object.
package struct VarlinkCallParameters<Parameters: Decodable>: Decodable {
  package var parameters: Parameters

  private enum Key: CodingKey { case parameters }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if try container.contains(.parameters) && !container.decodeNil(forKey: .parameters) {
      parameters = try container.decode(Parameters.self, forKey: .parameters)
    } else {
      parameters = try JSONDecoder().decode(Parameters.self, from: Data("{}".utf8))
    }
  }
}

/// What a reply says beside its parameters.
package struct VarlinkReplyHeader: Decodable, Sendable {
  package var continues: Bool?
  package var error: String?
}

package struct VarlinkReply<Parameters: Codable>: Codable {
  package var parameters: Parameters
  /// Another reply to the same call follows.
  package var continues: Bool?

  package init(parameters: Parameters, continues: Bool? = nil) {
    self.parameters = parameters
    self.continues = continues
  }
}

/// Parameters of a call that has none, or of a reply that says only that it was done.
package struct NoParameters: Codable, Sendable, Equatable {
  package init() {}
}
