import StayposCore
import SystemPackage
import TOMLKit

/// Takes a TOML table apart key by key: a key of a wrong type, out of range or left over is an error with its place.
///
/// TOMLKit's own decoder reports neither lines nor integers where a real number is meant, so the table is read by hand.
struct TableReader {
  let file: FilePath
  /// The file's whole text: places are looked up in it when an error needs them.
  let text: String
  /// For example `detector`, or `watch[1]`.
  let name: String
  private let table: TOMLTable
  private let document: Document
  private var seen: Set<String> = []

  /// Empties a document with its last reader: TOMLKit frees no table, and a daemon reads its configuration at every
  /// reload.
  private final class Document {
    let root: TOMLTable

    init(_ root: TOMLTable) {
      self.root = root
    }

    deinit { root.clear() }
  }

  /// - Throws: a ``ConfigurationError`` with line and column if `text` is not TOML.
  init(file: FilePath, text: String) throws(ConfigurationError) {
    self.file = file
    self.text = text
    name = ""
    if let (line, column) = TableHeader.mistake(in: text) {
      throw ConfigurationError(file: file, line: line, column: column, message: "a table's name is expected here")
    }
    if let (line, column, message) = PlainText.mistake(in: text) {
      throw ConfigurationError(file: file, line: line, column: column, message: message)
    }
    do {
      document = Document(try TOMLTable(string: text))
      table = document.root
    } catch let error as TOMLParseError {
      throw ConfigurationError(
        file: file, line: error.source.begin.line, column: error.source.begin.column, message: error.description)
    } catch {
      throw ConfigurationError(file: file, message: "\(error)")
    }
  }

  /// - Parameter table: part of this one.
  private func reader(of table: TOMLTable, name: String) -> TableReader {
    TableReader(file: file, text: text, name: name, table: table, document: document)
  }

  private init(file: FilePath, text: String, name: String, table: TOMLTable, document: Document) {
    self.file = file
    self.text = text
    self.name = name
    self.table = table
    self.document = document
  }

  mutating func string(_ key: String) throws(ConfigurationError) -> String? {
    try value(key, "a string in quotes") { $0.string }
  }

  mutating func bool(_ key: String) throws(ConfigurationError) -> Bool? {
    try value(key, "true or false") { $0.bool }
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
    try value(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") { value in
      value.int.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  mutating func number(_ key: String) throws(ConfigurationError) -> Double? {
    try value(key, "a number") { $0.double ?? $0.int.map(Double.init) }
  }

  mutating func strings(_ key: String) throws(ConfigurationError) -> [String]? {
    try value(key, "a list of strings in quotes") { value in
      guard let array = value.array else { return nil }
      let strings = array.compactMap(\.string)
      return strings.count == array.count ? strings : nil
    }
  }

  /// A string that names one of an enumeration's cases.
  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _: Choice.Type
  ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
    let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    return try value(key, "one of \(names)") { $0.string.flatMap(Choice.init(rawValue:)) }
  }

  /// An absolute path.
  mutating func path(_ key: String) throws(ConfigurationError) -> FilePath? {
    try value(key, "an absolute path in quotes") { value in
      value.string.map { FilePath($0) }.flatMap { $0.isAbsolute ? $0.lexicallyNormalized() : nil }
    }
  }

  mutating func table(_ key: String) throws(ConfigurationError) -> TableReader? {
    let table = try value(key, "a table: [\(key)]") { $0.table }
    return table.map { reader(of: $0, name: key) }
  }

  mutating func tables(_ key: String) throws(ConfigurationError) -> [TableReader] {
    let tables = try value(key, "a list of tables: [[\(key)]]") { value -> [TOMLTable]? in
      guard let array = value.array else { return nil }
      let tables = array.compactMap(\.table)
      return tables.count == array.count ? tables : nil
    }
    return (tables ?? []).enumerated().map { index, table in reader(of: table, name: "\(key)[\(index)]") }
  }

  /// Call last.
  /// - Throws: if a key is left that nobody asked for.
  func finish(allowed: String) throws(ConfigurationError) {
    defer { extendLifetime(document) }
    // Without the list of keys, which TOMLKit does not free.
    guard seen.count(where: { table.contains(key: $0) }) < table.count else { return }
    if let unknown = table.keys.filter({ !seen.contains($0) }).min() {
      throw error(at: unknown, "unknown key `\(unknown)`; known here: \(allowed)")
    }
  }

  func finish() throws(ConfigurationError) {
    try finish(allowed: seen.sorted().joined(separator: ", "))
  }

  func error(at key: String, _ message: String) -> ConfigurationError {
    let place = KeyPlace.find(key, in: name, of: text)
    return ConfigurationError(file: file, line: place?.line, column: place?.column, message: message)
  }

  private mutating func value<Value>(
    _ key: String, _ expected: String, _ convert: (any TOMLValueConvertible) -> Value?
  ) throws(ConfigurationError) -> Value? {
    seen.insert(key)
    defer { extendLifetime(document) }
    guard let found = table[key] else { return nil }
    guard let value = convert(found) else {
      throw error(at: key, "`\(key)` must be \(expected)")
    }
    return value
  }
}
