import SystemPackage
import TestSupport
import Testing
import Watching

@Suite struct WatchTreeTests {
  typealias Place = WatchTree.Place

  private func attach(_ tree: inout WatchTree, _ watch: CInt?, _ place: Place) throws -> DirectoryID {
    let attachment = tree.attach(watch: watch, at: place)
    return try #require(attachment).directory
  }

  @Test func aRenamedDirectoryTakesWhatIsBelowWithIt() throws {
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/srv"))
    let top = try attach(&tree, 1, .root(root))
    let a = try attach(&tree, 2, .child(of: top, name: "a"))
    let b = try attach(&tree, 3, .child(of: a, name: "b"))
    #expect(tree.path(of: b) == "/srv/a/b")
    #expect(tree.detach(.child(of: top, name: "a")) == a)
    #expect(tree.path(of: b) == nil)
    #expect(try attach(&tree, 2, .child(of: top, name: "c")) == a)
    #expect(tree.path(of: b) == "/srv/c/b")
    #expect(tree.directory(path: "/srv/c/b") == b)
    #expect(tree.directory(path: "/srv/a/b") == nil)
  }

  @Test func anotherDirectoryUnderTheSameNameIsAnotherDirectory() throws {
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/srv"))
    let top = try attach(&tree, 1, .root(root))
    let old = try attach(&tree, 2, .child(of: top, name: "a"))
    let attached = tree.attach(watch: 3, at: .child(of: top, name: "a"))
    let attachment = try #require(attached)
    #expect(attachment.isNew)
    #expect(attachment.displaced == old)
    let removal = tree.remove(old)
    #expect(removal.watches == [2])
    #expect(tree.directory(watch: 2) == nil)
    #expect(tree.path(of: attachment.directory) == "/srv/a")
  }

  @Test func nestedRootsShareTheirDirectories() throws {
    var tree = WatchTree()
    let outer = tree.addRoot(WatchRoot(path: "/srv", include: ["*.png"]))
    let inner = tree.addRoot(WatchRoot(path: "/srv/a", recursive: false, settle: .seconds(9)))
    let top = try attach(&tree, 1, .root(outer))
    let a = try attach(&tree, 2, .root(inner))
    #expect(try attach(&tree, 2, .child(of: top, name: "a")) == a)
    let b = try attach(&tree, 3, .child(of: a, name: "b"))
    #expect(tree.watchCount == 3)
    #expect(tree.roots(of: a).map(\.path) == ["/srv/a", "/srv"])
    #expect(tree.roots(of: b).map(\.path) == ["/srv"])
    #expect(tree.removeRoot(inner) == nil)
    #expect(tree.path(of: a) == "/srv/a")
    #expect(tree.removeRoot(outer) == top)
    #expect(Set(tree.remove(top).watches) == [1, 2, 3])
    #expect(tree.nodes.isEmpty)
  }

  @Test func aBindMountOfAParentIsNoCycle() throws {
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/srv"))
    let top = try attach(&tree, 1, .root(root))
    let a = try attach(&tree, 2, .child(of: top, name: "a"))
    #expect(tree.attach(watch: 1, at: .child(of: a, name: "again")) == nil)
    #expect(tree.attach(watch: 2, at: .child(of: a, name: "self")) == nil)
    #expect(tree.path(of: a) == "/srv/a")
  }

  @Test func aDirectoryWithoutAWatchGetsOneLater() throws {
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/srv"))
    let top = try attach(&tree, 1, .root(root))
    let a = try attach(&tree, nil, .child(of: top, name: "a"))
    #expect(try attach(&tree, nil, .child(of: top, name: "a")) == a)
    #expect(tree.nodes.count - tree.watchCount == 1)
    #expect(try attach(&tree, 2, .child(of: top, name: "a")) == a)
    #expect(tree.directory(watch: 2) == a)
    #expect(tree.nodes.count == tree.watchCount)
  }

  @Test func aRootThatIsNotRecursiveEndsAtItsFiles() throws {
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/srv", recursive: false))
    let top = try attach(&tree, 1, .root(root))
    #expect(!tree.isRecursive(top))
    #expect(tree.roots(of: top).count == 1)
  }

  /// The tree follows a model file system through random moves; the kernel's number of each directory is its number in
  /// the model.
  @Test(arguments: 0..<100)
  func followsAModel(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var tree = WatchTree()
    let root = tree.addRoot(WatchRoot(path: "/"))
    let top = try attach(&tree, 0, .root(root))
    // Model: number → (parent, name).
    var model: [CInt: (parent: CInt, name: String)] = [:]
    var nextNumber: CInt = 1
    func path(_ number: CInt) -> FilePath {
      guard let entry = model[number] else { return "/" }
      return path(entry.parent).appending(entry.name)
    }
    func isBelow(_ number: CInt, _ top: CInt) -> Bool {
      number == top || model[number].map { isBelow($0.parent, top) } ?? false
    }
    func place(_ number: CInt) throws -> Place {
      let entry = try #require(model[number])
      let parent = try #require(tree.directory(watch: entry.parent))
      return .child(of: parent, name: try #require(FilePath.Component(entry.name)))
    }
    for _ in 0..<60 {
      let name = String(Int.random(in: 0..<4, using: &random))
      let parent = ([0] + model.keys.sorted()).randomElement(using: &random) ?? 0
      let isTaken = model.values.contains { $0.parent == parent && $0.name == name }
      let number = model.keys.sorted().randomElement(using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        guard !isTaken else { continue }
        model[nextNumber] = (parent, name)
        _ = try attach(&tree, nextNumber, place(nextNumber))
        nextNumber += 1
      case 2:
        guard let number, !isTaken, !isBelow(parent, number) else { continue }
        let id = tree.directory(watch: number)
        #expect(tree.detach(try place(number)) == id)
        model[number] = (parent, name)
        #expect(try attach(&tree, number, place(number)) == id, "seed \(seed)")
      default:
        guard let number else { continue }
        let gone = model.keys.filter { isBelow($0, number) }
        let id = try #require(tree.directory(watch: number))
        #expect(Set(tree.remove(id).watches) == Set(gone), "seed \(seed)")
        for number in gone { model[number] = nil }
      }
      #expect(tree.nodes.count == model.count + 1, "seed \(seed)")
      for number in model.keys {
        let id = try #require(tree.directory(watch: number), "seed \(seed)")
        #expect(tree.path(of: id) == path(number), "seed \(seed)")
        #expect(tree.directory(path: path(number)) == id, "seed \(seed)")
      }
    }
    #expect(tree.path(of: top) == "/")
  }
}
