import Filesystem
import Foundation
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// A watcher that goes on in the queue of the one before.
@Suite struct ResumingTests {
  /// Two watchers after each other on one directory, and what happens in between.
  private func resume(
    lagging: Bool = false, roots: [WatchRoot]? = nil, then laterRoots: [WatchRoot]? = nil,
    prepare: (TemporaryDirectory) throws -> Void = { _ in }, during: (Harness) throws -> Void = { _ in },
    tamper: (KeptDescriptors) throws -> Void = { _ in },
    _ meanwhile: (TemporaryDirectory) throws -> Void
  ) throws -> (Harness, KeptDescriptors) {
    let store = KeptDescriptors()
    let temporary = TemporaryDirectory()
    do {
      let first = try Harness(roots: roots, in: temporary, store: store, prepare: prepare)
      #expect(first.snapshot().starts == [.fresh])
      let count = (roots ?? [WatchRoot(path: "")]).reduce(0) { $0 + directoryCount(temporary.path.pushing($1.path)) }
      #expect(first.eventually { $0.watches == count && store.map?.entries.count == count })
      if lagging { store.stopListening() }
      try during(first)
      first.watcher.stop()
    }
    store.listenAgain()
    try meanwhile(temporary)
    try tamper(store)
    return (try Harness(roots: laterRoots ?? roots, in: temporary, store: store), store)
  }

  private func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    return stat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// It and all below it.
  private func directoryCount(_ directory: FilePath) -> Int {
    let found = (try? FileManager.default.subpathsOfDirectory(atPath: directory.string)) ?? []
    return 1 + found.count { isDirectory(directory.pushing(FilePath($0))) }
  }

  private func directories(_ names: String...) -> (TemporaryDirectory) -> Void {
    { temporary in for name in names { _ = temporary.makeDirectory(name) } }
  }

  @Test("Pitfall 30: what happens while nobody reads is live, as if somebody had")
  func uploadsMeanwhile() throws {
    var paths: [FilePath] = []
    let (harness, store) = try resume(
      prepare: { temporary in
        for name in ["a", "a/b", "c"] { _ = temporary.makeDirectory(name) }
        temporary.write("x", to: "a/b/old")
        temporary.write("1", to: "a/changed")
        temporary.write("1", to: "a/moved")
      }
    ) { temporary in
      paths = [temporary.write("x", to: "a/b/new"), temporary.write("22", to: "a/changed")]
      temporary.write("x", to: "c/.part")
      rename(temporary.path("c/.part").string, temporary.path("c/final").string)
      rename(temporary.path("a/moved").string, temporary.path("c/moved").string)
      temporary.write("x", to: "c/short")
      unlink(temporary.path("c/short").string)
      _ = temporary.makeDirectory("c/later")
      paths += [
        temporary.path("c/final"), temporary.path("c/moved"), temporary.write("x", to: "c/later/deep"),
      ]
    }
    #expect(harness.snapshot().starts == [.resumed(directories: 4)])
    for path in paths { harness.expectSettled(path, priority: .live) }
    harness.expectSettled(harness.temporary.path("a/b/old"), priority: .backlog)
    harness.drain()
    let settled = harness.snapshot().settled.map(\.path)
    for name in ["c/.part", "c/short", "a/moved"] { #expect(!settled.contains(harness.temporary.path(name))) }
    #expect(harness.watcher.status.watches == 5)
    #expect(harness.eventually { _ in store.map?.entries.count == 5 })
  }

  @Test("Pitfall 30: directories that are renamed while nobody reads keep what is known of them")
  func renames() throws {
    let (harness, _) = try resume(prepare: directories("a", "a/b", "c")) { temporary in
      rename(temporary.path("a").string, temporary.path("z").string)
      temporary.write("x", to: "z/b/one")
      rename(temporary.path("z/b").string, temporary.path("c/b").string)
      temporary.write("x", to: "c/b/two")
      // Another under a name that is free again.
      _ = temporary.makeDirectory("a")
      temporary.write("x", to: "a/three")
    }
    for name in ["c/b/one", "c/b/two", "a/three"] {
      harness.expectSettled(harness.temporary.path(name), priority: .live)
    }
    harness.drain()
    #expect(harness.snapshot().renames.contains([harness.temporary.path("a"), harness.temporary.path("z")]))
    // Never under a path that it has not.
    for file in harness.snapshot().settled { #expect(access(file.path.string, F_OK) == 0, "\(file.path)") }
    #expect(harness.watcher.status.watches == 5)
  }

  @Test("Pitfall 30: directories that are gone, or moved out, are let go")
  func departures() throws {
    let outside = TemporaryDirectory()
    let (harness, store) = try resume(prepare: directories("gone", "out", "out/in", "stays")) { temporary in
      rmdir(temporary.path("gone").string)
      rename(temporary.path("out").string, outside.path("out").string)
    }
    #expect(harness.eventually { $0.watches == 2 })
    outside.write("x", to: "out/in/late")
    harness.expectOnce(harness.temporary.write("x", to: "stays/new"))
    #expect(!harness.snapshot().settled.contains { $0.path.lastComponent?.string == "late" })
    // The directories above the root have one each.
    #expect(harness.eventually { _ in store.watches == 2 + harness.path.components.count - 1 })
  }

  @Test("Pitfall 30: a map that lags costs a scan, and leads to no wrong path")
  func lag() throws {
    let (harness, _) = try resume(
      lagging: true, prepare: directories("a", "a/b"),
      during: { first in
        first.move(first.temporary.path("a"), first.temporary.path("z"))
        _ = first.temporary.makeDirectory("a")
        _ = first.temporary.makeDirectory("new")
        first.drain()
        #expect(first.eventually { $0.watches == 5 })
      }
    ) { temporary in
      temporary.write("x", to: "z/one")
      rename(temporary.path("z/b").string, temporary.path("z/c").string)
      temporary.write("x", to: "z/c/two")
      temporary.write("x", to: "a/three")
      temporary.write("x", to: "new/four")
    }
    #expect(harness.snapshot().starts == [.resumed(directories: 3)])
    for name in ["z/one", "z/c/two", "a/three", "new/four"] {
      #expect(harness.waitForSettled(harness.temporary.path(name)), "\(name)")
    }
    harness.drain()
    for file in harness.snapshot().settled { #expect(access(file.path.string, F_OK) == 0, "\(file.path)") }
    for names in harness.snapshot().renames { #expect(!names.contains(harness.temporary.path("a"))) }
    #expect(harness.watcher.status.watches == 5)
    harness.expectOnce(harness.temporary.write("x", to: "z/c/five"))
  }

  enum Amiss: String, CaseIterable {
    case noMap, noQueue, garbage, otherVersion, unsealed, noQueueOfInotify
  }

  @Test("Pitfall 30: what cannot be used is let go, and everything is scanned", arguments: Amiss.allCases)
  func amiss(what: Amiss) throws {
    var old: CInt = -1
    let (harness, store) = try resume(
      prepare: directories("a"),
      tamper: { store in
        old = store.take(.queue)?.release() ?? -1
        var bytes = try #require(store.map).encoded()
        switch what {
        case .noMap: store.put(nil, as: .map)
        case .noQueue: store.put(nil, as: .queue)
        case .garbage, .otherVersion:
          bytes[what == .garbage ? bytes.count - 20 : 16] += 1
          store.put(try Descriptor.sealedMemory(named: "x", bytes).release(), as: .map)
        case .unsealed:
          let directory = TemporaryDirectory()
          let file = try Descriptor.open(directory.path("map"), .create(mode: 0o600))
          try file.writeAll(bytes)
          store.put(file.release(), as: .map)
        case .noQueueOfInotify: store.put(try EventDescriptor().descriptor.duplicate().release(), as: .queue)
        }
      }
    ) { temporary in temporary.write("x", to: "a/meanwhile") }
    defer { close(old) }
    guard case .refused = harness.snapshot().starts.first else {
      Issue.record("\(harness.snapshot().starts)")
      return
    }
    harness.expectOnce(harness.temporary.path("a/meanwhile"))
    harness.expectOnce(harness.temporary.write("x", to: "a/later"))
    #expect(harness.watcher.status.watches == 2)
    // And the next one can go on.
    #expect(harness.eventually { _ in store.map?.entries.count == 2 })
  }

  @Test("Pitfall 30: roots that are no longer wanted are let go, new ones are scanned")
  func otherRoots() throws {
    let (harness, store) = try resume(
      roots: [WatchRoot(path: "one"), WatchRoot(path: "two")],
      then: [WatchRoot(path: "two", recursive: false), WatchRoot(path: "three")],
      prepare: directories("one", "one/a", "two", "two/b", "three")
    ) { temporary in
      for name in ["one/x", "one/a/x", "two/x", "two/b/x", "three/x"] { temporary.write("x", to: name) }
    }
    harness.expectSettled(harness.temporary.path("two/x"), priority: .live)
    harness.expectSettled(harness.temporary.path("three/x"), priority: .backlog)
    #expect(harness.watcher.status.watches == 2)
    let names = Set(harness.snapshot().settled.compactMap { $0.path.removingLastComponent().lastComponent?.string })
    #expect(names == ["two", "three"])
    #expect(harness.eventually { _ in store.watches == 2 + harness.path.components.count })
  }

  @Test("Pitfall 30: a queue that overflowed meanwhile is told and everything is scanned")
  func overflow() throws {
    let limit = try Descriptor.open("/proc/sys/fs/inotify/max_queued_events", .read).readAll(limit: 20)
    let queue = try #require(Int(String(decoding: limit, as: UTF8.self).filter(\.isNumber)))
    let (harness, _) = try resume(prepare: directories("a")) { temporary in
      // Two names in turn: the kernel merges equal events that follow each other.
      let pair = ["a/1", "a/2"].map { temporary.write("x", to: $0).string }
      for number in 0..<queue + 10 { close(open(pair[number % 2], O_WRONLY)) }
      _ = temporary.makeDirectory("a/lost")
      temporary.write("x", to: "a/lost/file")
    }
    #expect(harness.wait { $0.overflows == 1 && $0.scans.contains { $0.reason == .overflow } })
    harness.expectOnce(harness.temporary.path("a/lost/file"))
    harness.expectOnce(harness.temporary.write("x", to: "a/lost/later"))
  }

  @Test("Pitfall 30: killed in the middle of a rewrite of the tree, any number of times", arguments: 0..<4)
  func atRandom(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let store = KeptDescriptors()
    let temporary = TemporaryDirectory()
    var directories = [temporary.path]
    var number = 0
    var expected: Set<FilePath> = []
    func act() {
      number += 1
      let place = directories.randomElement(using: &random) ?? temporary.path
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        let path = place.appending("d\(number)")
        #expect(mkdir(path.string, 0o755) == 0)
        directories.append(path)
      case 2 where place != temporary.path:
        let new = temporary.path("r\(number)")
        #expect(rename(place.string, new.string) == 0)
        func moved(_ path: FilePath) -> FilePath {
          guard path.starts(with: place) else { return path }
          return new.appending(path.components.dropFirst(place.components.count))
        }
        directories = directories.map(moved)
        expected = Set(expected.map(moved))
      default:
        let path = place.appending("f\(number)")
        let file = open(path.string, O_WRONLY | O_CREAT, 0o644)
        #expect(file >= 0)
        close(file)
        expected.insert(path)
      }
    }
    for round in 0..<3 {
      let harness = try Harness(in: temporary, store: store)
      if round > 0 { #expect(harness.snapshot().starts.count == 1) }
      if Bool.random(using: &random) { store.stopListening() }
      for _ in 0..<15 { act() }
      if Bool.random(using: &random) { harness.drain() }
      harness.watcher.stop()
      store.listenAgain()
      for _ in 0..<15 { act() }
    }
    let last = try Harness(in: temporary, store: store)
    for path in expected { #expect(last.waitForSettled(path), "seed \(seed): \(path)") }
    last.drain()
    for file in last.snapshot().settled { #expect(access(file.path.string, F_OK) == 0, "seed \(seed): \(file.path)") }
    #expect(last.watcher.status.watches == directories.count, "seed \(seed)")
    #expect(
      last.eventually { _ in store.watches == directories.count + temporary.path.components.count - 1 },
      "seed \(seed): \(store.watches)")
  }
}
