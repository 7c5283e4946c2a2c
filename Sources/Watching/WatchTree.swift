import SystemPackage

/// A directory in the tree, for as long as it is watched; never used again.
package struct DirectoryID: Hashable, Sendable {
  package let value: Int

  package init(value: Int) {
    self.value = value
  }
}

/// A configured root; never used again.
package struct RootID: Hashable, Sendable {
  package let value: Int

  package init(value: Int) {
    self.value = value
  }
}

/// Which directory a watch descriptor stands for, and where that directory is now. Touches nothing.
///
/// The kernel gives one watch per inode, so a directory may have several places: nested roots and bind mounts. It goes
/// when its last place goes.
package struct WatchTree {
  package enum Place: Hashable, Sendable {
    case root(RootID)
    case child(of: DirectoryID, name: FilePath.Component)
  }

  package struct Node {
    /// nil: the kernel had none left.
    package fileprivate(set) var watch: CInt?
    /// The first is the one that its path is built from. Empty: moved away, perhaps to come back.
    package fileprivate(set) var places: [Place] = []
    package fileprivate(set) var children: [FilePath.Component: DirectoryID] = [:]
  }

  package struct Attachment {
    package var directory: DirectoryID
    package var isNew: Bool
    /// What was in the place, if that was its last: to be removed.
    package var displaced: DirectoryID?
  }

  package struct Removal {
    package var directories: Set<DirectoryID> = []
    package var watches: [CInt] = []
  }

  package private(set) var roots: [RootID: WatchRoot] = [:]
  package private(set) var nodes: [DirectoryID: Node] = [:]
  private var rootDirectories: [RootID: DirectoryID] = [:]
  private var byWatch: [CInt: DirectoryID] = [:]
  private var nextNumber = 0
  /// Grows with every change of what a ``WatchMap`` says.
  package private(set) var revision = 0

  package init() {}

  package var watchCount: Int { byWatch.count }

  // MARK: Roots

  package mutating func addRoot(_ root: WatchRoot) -> RootID {
    nextNumber += 1
    let id = RootID(value: nextNumber)
    roots[id] = root
    return id
  }

  package mutating func updateRoot(_ id: RootID, to root: WatchRoot) {
    roots[id] = root
  }

  /// - Returns: its directory, if that was its last place.
  package mutating func removeRoot(_ id: RootID) -> DirectoryID? {
    defer { roots[id] = nil }
    return detach(.root(id))
  }

  // MARK: Looking up

  package func directory(watch: CInt) -> DirectoryID? { byWatch[watch] }

  package func directory(at place: Place) -> DirectoryID? {
    switch place {
    case .root(let root): rootDirectories[root]
    case .child(let parent, let name): nodes[parent]?.children[name]
    }
  }

  /// nil while it, or a directory above it, is nowhere.
  package func path(of directory: DirectoryID) -> FilePath? {
    var names: [FilePath.Component] = []
    var current = directory
    while true {
      switch nodes[current]?.places.first {
      case nil: return nil
      case .root(let root):
        guard var path = roots[root]?.path else { return nil }
        path.append(names.reversed())
        return path
      case .child(let parent, let name):
        names.append(name)
        current = parent
      }
    }
  }

  package func path(of place: Place) -> FilePath? {
    switch place {
    case .root(let root): roots[root]?.path
    case .child(let parent, let name): path(of: parent)?.appending(name)
    }
  }

  /// The roots that want files directly in a directory, the nearest first.
  package func roots(of directory: DirectoryID) -> [WatchRoot] {
    var found: [WatchRoot] = []
    var level: Set<DirectoryID> = [directory]
    var isTop = true
    while !level.isEmpty {
      var above: Set<DirectoryID> = []
      for id in level {
        for place in nodes[id]?.places ?? [] {
          switch place {
          case .root(let root):
            if let root = roots[root], isTop || root.recursive { found.append(root) }
          case .child(let parent, _): above.insert(parent)
          }
        }
      }
      level = above
      isTop = false
    }
    return found
  }

  /// Whether directories in it are watched too.
  package func isRecursive(_ directory: DirectoryID) -> Bool { roots(of: directory).contains(where: \.recursive) }

  /// The directory that a path leads to by name.
  package func directory(path: FilePath) -> DirectoryID? {
    for (id, root) in roots where path.starts(with: root.path) {
      var current = rootDirectories[id]
      for name in path.components.dropFirst(root.path.components.count) {
        current = current.flatMap { nodes[$0]?.children[name] }
      }
      if let current { return current }
    }
    return nil
  }

  /// The directory and all below it.
  package func subtree(_ top: DirectoryID) -> Set<DirectoryID> {
    var found: Set<DirectoryID> = []
    var rest = [top]
    while let id = rest.popLast() {
      if found.insert(id).inserted, let node = nodes[id] { rest.append(contentsOf: node.children.values) }
    }
    return found
  }

  // MARK: Changing

  /// The kernel says that the directory in this place has this watch.
  ///
  /// - Returns: nil if the directory lies below itself: a bind mount inside what it shows.
  package mutating func attach(watch: CInt?, at place: Place) -> Attachment? {
    let occupant = directory(at: place)
    if let watch, let known = byWatch[watch] {
      if known == occupant { return Attachment(directory: known, isNew: false) }
      if case .child(let parent, _) = place, isAbove(known, parent) { return nil }
      let displaced = detach(place)
      put(known, at: place)
      return Attachment(directory: known, isNew: false, displaced: displaced)
    }
    if let occupant, nodes[occupant]?.watch == nil {
      if let watch {
        revision += 1
        nodes[occupant]?.watch = watch
        byWatch[watch] = occupant
      }
      return Attachment(directory: occupant, isNew: false)
    }
    let displaced = detach(place)
    nextNumber += 1
    let id = DirectoryID(value: nextNumber)
    nodes[id] = Node(watch: watch)
    if let watch { byWatch[watch] = id }
    put(id, at: place)
    return Attachment(directory: id, isNew: true, displaced: displaced)
  }

  /// - Returns: the directory that was there, if it has no other place now.
  package mutating func detach(_ place: Place) -> DirectoryID? {
    guard let id = directory(at: place) else { return nil }
    revision += 1
    switch place {
    case .root(let root): rootDirectories[root] = nil
    case .child(let parent, let name): nodes[parent]?.children[name] = nil
    }
    nodes[id]?.places.removeAll { $0 == place }
    return nodes[id]?.places.isEmpty == true ? id : nil
  }

  /// Takes away a directory and all below it that has no other place.
  package mutating func remove(_ directory: DirectoryID) -> Removal {
    for place in nodes[directory]?.places ?? [] { _ = detach(place) }
    var removal = Removal()
    var rest = [directory]
    while let id = rest.popLast() {
      guard let node = nodes[id] else { continue }
      for name in node.children.keys {
        if let orphan = detach(.child(of: id, name: name)) { rest.append(orphan) }
      }
      if let watch = node.watch {
        byWatch[watch] = nil
        removal.watches.append(watch)
      }
      nodes[id] = nil
      removal.directories.insert(id)
    }
    return removal
  }

  private mutating func put(_ id: DirectoryID, at place: Place) {
    revision += 1
    nodes[id]?.places.append(place)
    switch place {
    case .root(let root): rootDirectories[root] = id
    case .child(let parent, let name): nodes[parent]?.children[name] = id
    }
  }

  /// Whether `upper` is `lower` or one of the directories above it.
  private func isAbove(_ upper: DirectoryID, _ lower: DirectoryID) -> Bool {
    var seen: Set<DirectoryID> = []
    var rest = [lower]
    while let id = rest.popLast() {
      if id == upper { return true }
      guard seen.insert(id).inserted else { continue }
      for case .child(let parent, _) in nodes[id]?.places ?? [] { rest.append(parent) }
    }
    return false
  }
}
