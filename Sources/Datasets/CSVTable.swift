import Filesystem
import StayposCore
import SystemPackage

/// Comma-separated values with a header (RFC 4180), as bytes: file names need not be UTF-8.
package struct CSVTable: Sendable {
  package let header: [String]
  /// Each as long as the header.
  package let rows: [[[UInt8]]]
  /// Bytes up to the end of the last record that is kept.
  package let length: Int
  private let file: FilePath?

  /// - Parameter toleratingTornEnd: a last record without a line end or with too few fields is left out: whoever wrote it
  ///   was killed.
  package init(reading file: FilePath, toleratingTornEnd: Bool = false) throws(DatasetError) {
    let bytes: [UInt8]
    do {
      bytes = try file.contents()
    } catch {
      throw DatasetError("cannot read \(file.escaped): \(error)")
    }
    try self.init(bytes, file: file, toleratingTornEnd: toleratingTornEnd)
  }

  /// - Parameter file: for messages.
  package init(_ bytes: [UInt8], file: FilePath? = nil, toleratingTornEnd: Bool = false) throws(DatasetError) {
    self.file = file
    var scanner = CSVScanner(bytes)
    let place = file?.escaped ?? "the table"
    guard let first = scanner.next() else { throw DatasetError("\(place) is empty: it needs a header") }
    header = first.map { String(decoding: $0, as: UTF8.self) }
    var length = scanner.position
    var rows: [[[UInt8]]] = []
    while let row = scanner.next() {
      if toleratingTornEnd, !scanner.endedWithLine { break }
      guard !scanner.isInsideQuotes else {
        throw DatasetError("\(place), record \(rows.count + 2): a quoted field has no end")
      }
      guard row.count == header.count else {
        throw DatasetError(
          "\(place), record \(rows.count + 2): \(row.count) fields, but the header has \(header.count)")
      }
      rows.append(row)
      length = scanner.position
    }
    (self.rows, self.length) = (rows, length)
  }

  /// The first of these names that the header has; upper and lower case are the same.
  package func column(_ names: [String]) -> Int? {
    for name in names {
      if let index = header.firstIndex(where: { $0.lowercased() == name }) { return index }
    }
    return nil
  }

  package func required(_ names: [String]) throws(DatasetError) -> Int {
    guard let column = column(names) else {
      throw DatasetError(
        "\(file?.escaped ?? "the table") has no column \(names.joined(separator: " or ")), only "
          + header.joined(separator: ", "))
    }
    return column
  }

  /// One record with its line end.
  package static func line(_ fields: [[UInt8]]) -> [UInt8] {
    var line: [UInt8] = []
    for (index, field) in fields.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      let special: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
      guard field.contains(where: { special.contains($0) }) || (field.isEmpty && fields.count == 1) else {
        line += field
        continue
      }
      line.append(UInt8(ascii: "\""))
      for byte in field {
        if byte == UInt8(ascii: "\"") { line.append(byte) }
        line.append(byte)
      }
      line.append(UInt8(ascii: "\""))
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  package static func line(_ fields: [String]) -> [UInt8] { line(fields.map { Array($0.utf8) }) }
}

/// Takes records apart.
private struct CSVScanner {
  private let bytes: [UInt8]
  private(set) var position: Int
  /// Of the record that ``next()`` gave last.
  private(set) var endedWithLine = false
  private(set) var isInsideQuotes = false

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    // A byte order mark, as spreadsheets write it.
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// Empty lines are no records.
  mutating func next() -> [[UInt8]]? {
    while position < bytes.count, [UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(bytes[position]) { position += 1 }
    guard position < bytes.count else { return nil }
    var fields: [[UInt8]] = []
    var field: [UInt8] = []
    endedWithLine = false
    isInsideQuotes = false
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if isInsideQuotes {
        guard byte == UInt8(ascii: "\"") else {
          field.append(byte)
          continue
        }
        if position < bytes.count, bytes[position] == byte {
          field.append(byte)
          position += 1
        } else {
          isInsideQuotes = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\"") where field.isEmpty: isInsideQuotes = true
      case UInt8(ascii: ","):
        fields.append(field)
        field = []
      case UInt8(ascii: "\r") where position < bytes.count && bytes[position] == UInt8(ascii: "\n"): continue
      case UInt8(ascii: "\n"):
        endedWithLine = true
        fields.append(field)
        return fields
      default: field.append(byte)
      }
    }
    fields.append(field)
    return fields
  }
}
