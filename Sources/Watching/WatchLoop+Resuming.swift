import Filesystem
import StayposCore
import SystemPackage

/// Reading on in the queue of an earlier process.
///
/// Its map puts the tree back as that process knew it, so that the events which waited in the queue mean what they would
/// have meant to it. Nothing of the map is believed for long: the kernel gives a directory the watch that it has already,
/// so asking for a watch on what is found under a path shows whether the map was right. That is done before an event of a
/// directory is acted on, and for every directory by the scan at the start. What the map does not know, the scan finds.
extension WatchLoop {
  func resume(_ map: WatchMap) {
    lastDrained = min(map.drained, lastDrained)
    let rootsByPath = Dictionary(grouping: tree.roots, by: \.value.path)
    let mountPoints = Set(mountTable.mounts.map(\.mountPoint))
    var known: [(id: DirectoryID, path: FilePath, isRecursive: Bool)?] = []
    for entry in map.entries {
      var places: [WatchTree.Place] = []
      var path: FilePath?
      var above: (id: DirectoryID, path: FilePath, isRecursive: Bool)?
      switch entry.place {
      case .root(let root): path = root
      case .child(let parent, let name):
        above = known[parent]
        path = above?.path.appending(name)
        if let above, above.isRecursive { places.append(.child(of: above.id, name: name)) }
      }
      let roots = path.flatMap { rootsByPath[$0] } ?? []
      places += roots.map { .root($0.key) }
      guard let path, !admission.isExcluded(path), let id = put(entry.watch, at: places) else {
        // No longer wanted.
        known.append(nil)
        if let watch = entry.watch, tree.directory(watch: watch) == nil { channel.inotify.remove(watch) }
        continue
      }
      inherited.insert(id)
      known.append((id, path, above?.isRecursive == true || roots.contains { $0.value.recursive }))
      if let above, let details = info[above.id], !mountPoints.contains(path) {
        info[id] = DirectoryInfo(device: details.device, networkPath: details.networkPath)
        if details.networkPath != nil { networkDirectories += 1 }
      } else if let directory = try? Directory(opening: path), let status = try? directory.descriptor.status(),
        let place = places.first
      {
        describe(id, place, status, directory)
      } else {
        known[known.count - 1] = nil
        removeSubtree(id)
      }
    }
    updateCoverage()
  }

  private func put(_ watch: CInt?, at places: [WatchTree.Place]) -> DirectoryID? {
    var id: DirectoryID?
    for place in places where tree.directory(at: place) == nil {
      // Without a watch two places would become two directories: the scan tells.
      if id == nil || watch != nil { id = tree.attach(watch: watch, at: place)?.directory ?? id }
    }
    return id
  }

  /// An event of the directory has come: is it what the map says?
  func confirm(_ directory: DirectoryID) {
    guard inherited.contains(directory), let watch = tree.nodes[directory]?.watch, let path = tree.path(of: directory),
      let found = try? Directory(opening: path), currentWatch(of: found) == watch
    else { return }
    inherited.remove(directory)
  }

  /// The kernel says that the directory in this place has this watch. If the map has put it elsewhere, it was wrong.
  func settleInherited(_ watch: CInt, at place: WatchTree.Place) {
    guard let known = tree.directory(watch: watch), inherited.contains(known), tree.directory(at: place) != known
    else { return }
    for old in tree.nodes[known]?.places ?? [] { _ = tree.detach(old) }
  }

  /// The scan at the start has seen everything that is there.
  func endInheritance() {
    for directory in inherited where tree.nodes[directory] != nil { removeSubtree(directory) }
    inherited = []
  }

  /// An event of a directory that nobody knows: the process before had it and did not get round to telling. Until the
  /// scan at the start is done, it may still turn up.
  func dismiss(_ event: Inotify.Event) {
    guard channel.inherited != nil, event.watch > 0, !passes.values.contains(where: { $0.summary.reason == .start })
    else { return }
    channel.inotify.remove(event.watch)
  }

  // MARK: For the next process

  /// nil: it has all that it needs.
  var keepDeadline: Instant? { channel.store != nil && tree.revision != keptRevision ? nextKeep : nil }

  /// Leaves a new map, if it is another one and the last was not just made: of a changing tree the making takes a
  /// fiftieth of this thread's time at most. One that lags makes the next process scan, no more.
  ///
  /// - Parameter isLast: the thread ends.
  func keepMap(isLast: Bool = false) {
    let start = Instant.now
    guard let store = channel.store, let due = keepDeadline, isLast || due <= start else { return }
    keptRevision = tree.revision
    // Without memory for it there is none.
    if let file = try? Descriptor.sealedMemory(named: KeptPart.map.rawValue, map().encoded()) {
      store.keep(file, as: .map)
    }
    nextKeep = .now + max(timing.mapInterval, (.now - start) * 50)
  }

  private func map() -> WatchMap {
    var map = WatchMap(drained: lastDrained)
    var seen: Set<DirectoryID> = []
    var rest = tree.roots.keys.sorted { $0.value < $1.value }.reversed().compactMap { root in
      tree.roots[root].flatMap { path in tree.directory(at: .root(root)).map { ($0, WatchMap.Place.root(path.path)) } }
    }
    while let (id, place) = rest.popLast() {
      guard let node = tree.nodes[id], seen.insert(id).inserted else { continue }
      let index = map.entries.count
      map.entries.append(.init(watch: node.watch, place: place))
      for (name, child) in node.children { rest.append((child, .child(of: index, name: name))) }
    }
    return map
  }
}
