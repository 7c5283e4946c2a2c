/// Where a key stands in a TOML text: TOMLKit parses, but does not tell where a value came from.
enum KeyPlace {
  /// - Parameters:
  ///   - table: empty for the top level, `name`, or `name[index]` for the index-th `[[name]]`.
  /// - Returns: 1-based line and column of the key; nil where it is written in a way this search does not know (inline
  ///   tables, quoted keys).
  static func find(_ key: String, in table: String, of text: String) -> (line: Int, column: Int)? {
    var current = ""
    var counts: [Substring: Int] = [:]
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let content = line.drop { $0 == " " || $0 == "\t" }
      let column = line.count - content.count + 1
      if content.hasPrefix("[[") {
        let name = content.dropFirst(2).prefix { $0 != "]" }.filter { $0 != " " }
        let index = counts[Substring(name), default: 0]
        counts[Substring(name)] = index + 1
        current = "\(name)[\(index)]"
        if table.isEmpty, name == key { return (number + 1, column + 2) }
      } else if content.hasPrefix("[") {
        current = content.dropFirst().prefix { $0 != "]" }.filter { $0 != " " }
        if table.isEmpty, current == key { return (number + 1, column + 1) }
      } else if current == table {
        let name = content.prefix { $0 != "=" && $0 != " " && $0 != "\t" && $0 != "." }
        if name == key { return (number + 1, column) }
      }
    }
    return nil
  }
}
