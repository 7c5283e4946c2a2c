/// The records of a zip archive as PyTorch writes it: each name once, and stored, except for the code in TorchScript's.
/// Only the central directory counts; the headers in front of the data carry neither sizes nor checksums.
///
/// Nothing is believed: every record lies wholly in front of the directory, and none over another.
struct ZipDirectory {
  struct Record: Hashable {
    /// In the file.
    var bytes: Range<Int>
    /// CRC-32 of the data.
    var checksum: UInt32
    /// The bytes are not the data.
    var isCompressed = false
  }

  /// By name.
  private(set) var records: [String: Record] = [:]

  private static let endLength = 22
  private static let locatorLength = 20
  private static let end64Length = 56
  private static let entryLength = 46
  private static let headerLength = 30
  /// Of the directory: for about 300,000 records.
  private static let maximumLength = 32 << 20

  init(_ file: FileReader) throws(CheckpointError) {
    let place = try Self.locate(file)
    guard place.bytes.count <= Self.maximumLength else {
      throw CheckpointError(
        .unsupportedFormat, "zip: a directory of \(place.bytes.count) bytes is larger than any checkpoint needs")
    }
    let directory = try file.read(place.bytes)
    var entries: [Entry] = []
    var position = 0
    while position < directory.count {
      let entry = try Entry(directory[position...])
      position += entry.length
      entries.append(entry)
    }
    guard entries.count == place.count else {
      throw CheckpointError(
        .malformed, "zip: the directory lists \(entries.count) records, but its end says \(place.count)")
    }
    try add(entries, of: file, dataEnd: place.bytes.lowerBound)
  }

  private mutating func add(_ entries: [Entry], of file: FileReader, dataEnd: Int) throws(CheckpointError) {
    var end = 0
    var previous = ""
    for entry in entries.sorted(by: { ($0.headerOffset, $0.name) < ($1.headerOffset, $1.name) }) {
      guard records[entry.name] == nil else {
        throw CheckpointError(.malformed, "zip: two records named \(quoted(entry.name))")
      }
      guard entry.headerOffset >= end else {
        throw CheckpointError(.malformed, "zip: record \(quoted(entry.name)) overlaps record \(quoted(previous))")
      }
      guard entry.headerOffset <= dataEnd - Self.headerLength else {
        throw CheckpointError(.truncated, "zip: record \(quoted(entry.name)) reaches beyond the data")
      }
      let header = try file.read(entry.headerOffset..<entry.headerOffset + Self.headerLength)
      let name = entry.headerOffset + Self.headerLength
      let nameLength = Int(header.number(at: 26, as: UInt16.self))
      let start = name + nameLength + Int(header.number(at: 28, as: UInt16.self))
      guard header.number(at: 0, as: UInt32.self) == 0x0403_4B50, start <= dataEnd,
        try file.read(name..<name + nameLength) == Array(entry.name.utf8)
      else {
        throw CheckpointError(.malformed, "zip: record \(quoted(entry.name)) is not where the directory says")
      }
      guard (header.number(at: 8, as: UInt16.self) != 0) == entry.isCompressed else {
        throw CheckpointError(.malformed, "zip: record \(quoted(entry.name)) is compressed, or is not: it says both")
      }
      guard entry.size <= dataEnd - start else {
        throw CheckpointError(
          .truncated, "zip: record \(quoted(entry.name)) of \(entry.size) bytes reaches beyond the data")
      }
      end = start + entry.size
      records[entry.name] = Record(
        bytes: start..<end, checksum: entry.checksum, isCompressed: entry.isCompressed)
      previous = entry.name
    }
  }

  /// The directory's place, and how many records it has.
  private static func locate(_ file: FileReader) throws(CheckpointError) -> (bytes: Range<Int>, count: Int) {
    // Behind the end there may be a comment of up to 65,535 bytes.
    let tailStart = max(0, file.size - endLength - 0xFFFF)
    let tail = try file.read(tailStart..<file.size)
    guard tail.count >= endLength,
      let offset = (0...tail.count - endLength).last(where: { offset in
        tail.number(at: offset, as: UInt32.self) == 0x0605_4B50
          && offset + endLength + Int(tail.number(at: offset + 20, as: UInt16.self)) == tail.count
      })
    else { throw CheckpointError(.truncated, "zip: has no directory at its end: the file is incomplete") }
    let end = tail[offset...]
    let (disk, directoryDisk) = (end.number(at: 4, as: UInt16.self), end.number(at: 6, as: UInt16.self))
    guard disk == directoryDisk, disk == 0 || disk == 0xFFFF,
      end.number(at: 8, as: UInt16.self) == end.number(at: 10, as: UInt16.self)
    else { throw CheckpointError(.unsupportedFormat, "zip: is one part of several") }
    var count = Int(end.number(at: 10, as: UInt16.self))
    var size = Int(end.number(at: 12, as: UInt32.self))
    var start = Int(end.number(at: 16, as: UInt32.self))
    var limit = tailStart + offset

    if limit >= locatorLength, case let locator = try file.read(limit - locatorLength..<limit),
      locator.number(at: 0, as: UInt32.self) == 0x0706_4B50
    {
      let place = locator.number(at: 8, as: UInt64.self)
      guard place <= UInt64(max(0, limit - locatorLength - end64Length)),
        case let end64 = try file.read(Int(place)..<Int(place) + end64Length),
        end64.number(at: 0, as: UInt32.self) == 0x0606_4B50
      else { throw CheckpointError(.malformed, "zip: the 64-bit end of the directory is not where it should be") }
      let wide = (
        count: end64.number(at: 32, as: UInt64.self), size: end64.number(at: 40, as: UInt64.self),
        start: end64.number(at: 48, as: UInt64.self)
      )
      // The smaller numbers either say the same or that they cannot: nobody may read another directory than we do.
      guard count == 0xFFFF || UInt64(count) == wide.count, size == 0xFFFF_FFFF || UInt64(size) == wide.size,
        start == 0xFFFF_FFFF || UInt64(start) == wide.start, wide.start <= place, wide.size <= place - wide.start,
        wide.count <= wide.size
      else { throw CheckpointError(.malformed, "zip: the two ends of the directory contradict each other") }
      (count, size, start, limit) = (Int(wide.count), Int(wide.size), Int(wide.start), Int(place))
    }
    guard start <= limit, size == limit - start else {
      throw CheckpointError(.malformed, "zip: the directory does not reach from byte \(start) to its end at \(limit)")
    }
    return (start..<limit, count)
  }

  /// Of the directory.
  private struct Entry {
    var name: String
    /// In the file.
    var size: Int
    var checksum: UInt32
    var isCompressed: Bool
    var headerOffset: Int
    /// Bytes of the entry itself.
    var length: Int

    init(_ bytes: ArraySlice<UInt8>) throws(CheckpointError) {
      guard bytes.count >= entryLength, bytes.number(at: 0, as: UInt32.self) == 0x0201_4B50 else {
        throw CheckpointError(.malformed, "zip: the directory is damaged")
      }
      let nameLength = Int(bytes.number(at: 28, as: UInt16.self))
      let extraLength = Int(bytes.number(at: 30, as: UInt16.self))
      length = entryLength + nameLength + extraLength + Int(bytes.number(at: 32, as: UInt16.self))
      guard length <= bytes.count else { throw CheckpointError(.malformed, "zip: the directory is damaged") }
      let nameStart = bytes.startIndex + entryLength
      guard let name = String(validating: bytes[nameStart..<nameStart + nameLength], as: UTF8.self) else {
        throw CheckpointError(.malformed, "zip: a record's name is not UTF-8")
      }
      self.name = name
      guard bytes.number(at: 8, as: UInt16.self) & 1 == 0 else {
        throw CheckpointError(.unsupportedFormat, "zip: record \(quoted(name)) is encrypted")
      }
      isCompressed = bytes.number(at: 10, as: UInt16.self) != 0
      checksum = bytes.number(at: 16)

      // Numbers of 32 bits that do not suffice stand in the extra field of kind 1, in this order.
      var wide = try Self.wideNumbers(
        bytes[nameStart + nameLength..<nameStart + nameLength + extraLength], name)[...]
      func value(_ narrow: UInt32) throws(CheckpointError) -> Int {
        guard narrow == .max else { return Int(narrow) }
        guard let number = wide.popFirst(), number <= UInt64(Int.max) else {
          throw CheckpointError(.malformed, "zip: record \(quoted(name)) has no valid size or place")
        }
        return Int(number)
      }
      let unpacked = try value(bytes.number(at: 24))
      size = try value(bytes.number(at: 20))
      headerOffset = try value(bytes.number(at: 42))
      guard isCompressed || size == unpacked else {
        throw CheckpointError(
          .malformed, "zip: record \(quoted(name)) is stored in \(size) bytes, but says that it has \(unpacked)")
      }
    }

    private static func wideNumbers(_ extra: ArraySlice<UInt8>, _ name: String) throws(CheckpointError) -> [UInt64] {
      var rest = extra
      while rest.count >= 4 {
        let (kind, length) = (rest.number(at: 0, as: UInt16.self), Int(rest.number(at: 2, as: UInt16.self)))
        guard length <= rest.count - 4 else { break }
        if kind == 1 { return (0..<length / 8).map { rest.number(at: 4 + 8 * $0) } }
        rest = rest.dropFirst(4 + length)
      }
      return []
    }
  }
}
