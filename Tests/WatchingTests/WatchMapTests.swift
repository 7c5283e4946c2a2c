import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// The map of watches as bytes.
@Suite struct WatchMapTests {
  /// Names of any bytes, watches or none, all shapes of trees.
  private static func map(_ random: inout SeededGenerator) -> WatchMap {
    var map = WatchMap(drained: Timestamp(nanoseconds: .random(in: .min ... .max, using: &random)))
    var watches = Array(Set((0..<20).map { _ in CInt.random(in: 1 ... .max, using: &random) }))
    for index in 0..<Int.random(in: 0...20, using: &random) {
      let length = index == 5 ? 255 : Int.random(in: 1...12, using: &random)
      let bytes = (0..<length).map { _ in UInt8.random(in: 1...255, using: &random) }
      // The slash is the one byte that no name has.
      let name = bytes.map { $0 == UInt8(ascii: "/") ? 0xFF : $0 }
      guard let component = FilePath(bytes: name)?.lastComponent, component.kind == .regular else { continue }
      let isRoot = map.entries.isEmpty || Int.random(in: 0..<10, using: &random) == 0
      let place: WatchMap.Place =
        isRoot
        ? .root(FilePath(root: "/", [component, component]))
        : .child(of: .random(in: 0..<map.entries.count, using: &random), name: component)
      map.entries.append(.init(watch: index % 7 == 3 ? nil : watches.popLast(), place: place))
    }
    return map
  }

  @Test("what is written is what is read", arguments: 0..<60)
  func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let map = Self.map(&random)
    #expect(try WatchMap(decoding: map.encoded()) == map, "seed \(seed)")
  }

  @Test("any damage is noticed: one byte changed, an end cut off, bytes added", arguments: 0..<40)
  func damage(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let bytes = Self.map(&random).encoded()
    var changed = bytes
    changed[.random(in: 0..<bytes.count, using: &random)] ^= .random(in: 1...255, using: &random)
    #expect(throws: WatchMap.Damage.self, "seed \(seed)") { try WatchMap(decoding: changed) }
    let cut = Array(bytes.prefix(.random(in: 0..<bytes.count, using: &random)))
    #expect(throws: WatchMap.Damage.self, "seed \(seed)") { try WatchMap(decoding: cut) }
    #expect(throws: WatchMap.Damage.self, "seed \(seed)") { try WatchMap(decoding: bytes + [0]) }
  }

  @Test("random bytes are no map", arguments: 0..<40)
  func noise(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    #expect(throws: WatchMap.Damage.self, "seed \(seed)") { try WatchMap(decoding: bytes) }
  }

  @Test func anotherVersionIsRefused() throws {
    var bytes = WatchMap(drained: .now).encoded()
    bytes[16] += 1
    #expect(throws: WatchMap.Damage.version) { try WatchMap(decoding: bytes) }
  }

  @Test(
    "a map that contradicts itself is refused, though its checksum is right",
    arguments: [
      // A child before its parent, and its own.
      [.init(watch: 1, place: .root("/a")), .init(watch: 2, place: .child(of: 1, name: "b"))],
      // One watch for two directories.
      [.init(watch: 1, place: .root("/a")), .init(watch: 1, place: .child(of: 0, name: "b"))],
      [.init(watch: 0, place: .root("/a"))], [.init(watch: -7, place: .root("/a"))],
      // Out of the tree.
      [.init(watch: 1, place: .root("/a/../b"))], [.init(watch: 1, place: .root("a"))],
      [.init(watch: 1, place: .root("/a")), .init(watch: 2, place: .child(of: 0, name: ".."))],
    ] as [[WatchMap.Entry]])
  func contradictions(entries: [WatchMap.Entry]) {
    let bytes = WatchMap(drained: .now, entries: entries).encoded()
    #expect(throws: WatchMap.Damage.structure) { try WatchMap(decoding: bytes) }
  }
}
