import FoundationEssentials

/// A model file's `card`: a JSON object. What a command does not replace stays.
struct ModelCard {
  private var members: [String: JSONValue]

  /// - Parameter text: of another model; what is no JSON object becomes the member `summary`.
  init(_ text: String?) {
    guard let text else {
      members = [:]
      return
    }
    switch try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) {
    case .object(let members): self.members = members
    default: members = ["summary": .string(text)]
    }
  }

  subscript(_ name: String) -> JSONValue? {
    get { members[name] }
    set { members[name] = newValue }
  }

  /// Keeps what holds for the file's network and for everything made of it.
  mutating func keep(_ names: Set<String>) {
    members = members.filter { names.contains($0.key) }
  }

  var text: String { JSONValue.object(members).text }
}

extension JSONValue {
  /// Any value that has a JSON form.
  init(encoding value: some Encodable) {
    let data = try? JSONEncoder().encode(value)
    self = data.flatMap { try? JSONDecoder().decode(JSONValue.self, from: $0) } ?? .null
  }
}
