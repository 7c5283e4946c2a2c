import Foundation
import Testing

/// The `type` definitions of an interface text, to hold JSON against.
struct VarlinkTypes {
  private var types: [String: [(name: String, type: String)]] = [:]

  init(_ text: String) {
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: " ")
    for part in lines.components(separatedBy: "type ").dropFirst() {
      guard let open = part.firstIndex(of: "("), let close = part.firstIndex(of: ")") else { continue }
      let fields = part[part.index(after: open)..<close].split(separator: ",").map { field in
        let halves = field.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
        return (name: halves[0], type: halves[1])
      }
      types[part[..<open].trimmingCharacters(in: .whitespaces)] = fields
    }
  }

  func check(_ value: some Encodable, is type: String) throws {
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
    try check(object, type, at: type)
  }

  private func check(_ value: Any?, _ type: String, at place: String) throws {
    if type.hasPrefix("?") {
      if value == nil || value is NSNull { return }
      return try check(value, String(type.dropFirst()), at: place)
    }
    if type.hasPrefix("[]") {
      let elements = try #require(value as? [Any], "\(place) is no array")
      for element in elements { try check(element, String(type.dropFirst(2)), at: place) }
      return
    }
    switch type {
    case "string": #expect(value is String, "\(place)")
    case "bool": #expect(value is Bool, "\(place)")
    case "float": #expect(value is Double, "\(place)")
    case "int": #expect((value as? NSNumber)?.doubleValue.rounded() == (value as? NSNumber)?.doubleValue, "\(place)")
    default:
      let fields = try #require(types[type], "\(type) is not defined")
      let object = try #require(value as? [String: Any], "\(place) is no object")
      #expect(Set(object.keys).isSubset(of: Set(fields.map(\.name))), "\(place)")
      for field in fields { try check(object[field.name], field.type, at: "\(place).\(field.name)") }
    }
  }
}
