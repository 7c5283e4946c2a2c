import StayposCore
import SystemPackage

/// Which directory each watch of an inotify queue stands for, for the next process that reads the queue.
///
/// As bytes (integers little-endian): `staypos-watches\n`; u32 version; u32 number of entries; i64 nanoseconds since
/// 1970, when the queue was last seen empty; the entries; u64 FNV-1a of all before. An entry is an i32 watch (-1: none),
/// an i32 index of the entry above (-1: a root), a u16 length and so many bytes: a root's path, or the name in the
/// directory above. The checksum is against damage, not against an enemy: who could change a sealed file can do more.
package struct WatchMap: Equatable, Sendable {
  package enum Place: Equatable, Sendable {
    case root(FilePath)
    /// - Parameter of: index of an earlier entry.
    case child(of: Int, name: FilePath.Component)
  }

  package struct Entry: Equatable, Sendable {
    /// nil: the kernel had none left.
    package var watch: CInt?
    package var place: Place

    package init(watch: CInt?, place: Place) {
      self.watch = watch
      self.place = place
    }
  }

  /// Why bytes are no map.
  package enum Damage: String, Error {
    case foreign = "it is no map of watches"
    case version = "it was made by another version of staypos"
    case checksum = "its checksum is wrong"
    case structure = "it contradicts itself"
  }

  package static let version: UInt32 = 1
  private static let magic = Array("staypos-watches\n".utf8)

  package var drained: Timestamp
  package var entries: [Entry]

  package init(drained: Timestamp, entries: [Entry] = []) {
    self.drained = drained
    self.entries = entries
  }

  // MARK: Bytes

  package func encoded() -> [UInt8] {
    var bytes = Self.magic
    bytes.reserveCapacity(64 + entries.count * 32)
    bytes.append(integer: Self.version)
    bytes.append(integer: UInt32(entries.count))
    bytes.append(integer: drained.nanoseconds)
    for entry in entries {
      bytes.append(integer: Int32(entry.watch ?? -1))
      let name: [UInt8]
      switch entry.place {
      case .root(let path):
        bytes.append(integer: Int32(-1))
        name = path.bytes
      case .child(let parent, let component):
        bytes.append(integer: Int32(parent))
        name = FilePath(root: nil, [component]).bytes
      }
      bytes.append(integer: UInt16(name.count))
      bytes += name
    }
    bytes.append(integer: bytes.checksum)
    return bytes
  }

  package init(decoding bytes: [UInt8]) throws(Damage) {
    var reader = Reader(rest: bytes[...])
    guard reader.take(Self.magic.count).map({ Array($0) == Self.magic }) == true else { throw .foreign }
    guard try reader.integer(UInt32.self) == Self.version else { throw .version }
    guard bytes.count >= 8 else { throw .structure }
    var sum = Reader(rest: bytes.suffix(8))
    guard try sum.integer(UInt64.self) == bytes.dropLast(8).checksum else { throw .checksum }
    reader.rest = reader.rest.dropLast(8)
    let count = try reader.integer(UInt32.self)
    drained = Timestamp(nanoseconds: try reader.integer(Int64.self))
    entries = []
    var seen: Set<CInt> = []
    for index in 0..<Int(count) {
      let watch = try reader.integer(Int32.self)
      let parent = Int(try reader.integer(Int32.self))
      guard let name = reader.take(Int(try reader.integer(UInt16.self))), parent >= -1, parent < index,
        watch == -1 || watch > 0 && seen.insert(watch).inserted
      else { throw .structure }
      let place: Place
      if parent < 0 {
        guard let path = FilePath(bytes: Array(name)), path.isAbsolute, path.isLexicallyNormal else { throw .structure }
        place = .root(path)
      } else {
        // A name that led elsewhere than one level down would have become another path.
        guard let path = FilePath(bytes: Array(name)), path.components.count == 1, path.bytes == Array(name),
          let component = path.lastComponent, component.kind == .regular
        else { throw .structure }
        place = .child(of: parent, name: component)
      }
      entries.append(Entry(watch: watch < 0 ? nil : watch, place: place))
    }
    guard reader.rest.isEmpty else { throw .structure }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(Damage) -> Value {
      guard let bytes = take(MemoryLayout<Value>.size) else { throw .structure }
      return bytes.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(integer: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
  }
}

extension Collection<UInt8> {
  /// FNV-1a with 64 bits: every change of a single byte changes it.
  fileprivate var checksum: UInt64 {
    reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}
