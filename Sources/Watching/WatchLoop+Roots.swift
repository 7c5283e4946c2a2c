import CLinux
import Filesystem
import StayposCore
import SystemPackage

extension WatchLoop {
  /// Takes over a set of roots. Those whose path stays keep their watches.
  func replaceRoots(_ roots: [WatchRoot], reason: ScanSummary.Reason) {
    let wanted = Dictionary(roots.map { (WatchRoot.normalized($0).path, WatchRoot.normalized($0)) }) { first, _ in first
    }
    var isChanged: Set<FilePath> = []
    for (id, root) in tree.roots {
      if let new = wanted[root.path] {
        if new != root {
          tree.updateRoot(id, to: new)
          isChanged.insert(new.path)
        }
      } else {
        forgetRoot(id)
        // What it had queued has been withdrawn, and may lie below another root too (a bind mount).
        isChanged.formUnion(wanted.keys)
      }
    }
    // What settled before may have been withdrawn since.
    if settledSinceOverflow != nil { settledSinceOverflow = [:] }
    let known = Set(tree.roots.values.map(\.path))
    for root in roots.map(WatchRoot.normalized) where !known.contains(root.path) && wanted[root.path] == root {
      guard !tree.roots.values.contains(where: { $0.path == root.path }) else { continue }
      rootStates[tree.addRoot(root)] = .starting
      isChanged.insert(root.path)
    }
    if reason == .start, let map = channel.inherited { resume(map) }
    verifyRoots(scanning: false)
    let tops = tree.roots.filter { isChanged.contains($0.value.path) }.keys.sorted { $0.value < $1.value }
      .compactMap { tree.directory(at: .root($0)) }
    startPass(reason, tops, priority: .backlog)
  }

  private func forgetRoot(_ id: RootID) {
    let path = tree.roots[id]?.path.escaped ?? ""
    if let orphan = tree.removeRoot(id) { removeSubtree(orphan) }
    rootStates[id] = nil
    lostMounts[id] = nil
    removeGuards(of: id)
    for kind in ["root-missing", "network-filesystem", "unmounted"] { recover(kind, path) }
  }

  /// - Parameter directory: checks only the roots that are there.
  func verifyRoots(at directory: DirectoryID? = nil, scanning: Bool = true) {
    for id in tree.roots.keys.sorted(by: { $0.value < $1.value })
    where directory == nil || tree.directory(at: .root(id)) == directory {
      verifyRoot(id, scanning: scanning)
    }
  }

  /// Makes sure that what is under the root's path now is what is watched.
  func verifyRoot(_ id: RootID, scanning: Bool) {
    guard let root = tree.roots[id] else { return }
    // Guards are set before the last look, so nothing that appears in between is missed.
    for _ in 0..<8 {
      removeGuards(of: id)
      let parents = guardParents(of: root.path, id)
      if let armed = arm(.root(id)) {
        recover("root-missing", root.path.escaped)
        rootStates[id] = info[armed.directory]?.networkPath == nil ? .watching : .polling
        if scanning && armed.isNew { startPass(.change, [armed.directory], priority: .backlog) }
        return
      }
      if guardArrival(of: root.path, id, existing: parents) { break }
    }
    if let orphan = tree.detach(.root(id)) { removeSubtree(orphan) }
    rootStates[id] = .missing
    scheduleRetry()
    degrade(
      "root-missing", root.path.escaped, detail: "\(root.path.escaped): \(reason(root.path))",
      remedy: "make the directory, or take it out of the configuration")
  }

  private func reason(_ path: FilePath) -> String {
    if admission.isExcluded(path) { return "lies in the quarantine or state directory" }
    do throws(FilesystemError) {
      let directory = try Directory(opening: path)
      let status = try directory.searchableStatus()
      return admission.isExcluded(status.identity) ? "is the quarantine or state directory" : "appeared just now"
    } catch {
      return error.message
    }
  }

  // MARK: Directories above a root

  /// Watches every directory above the root for going away.
  ///
  /// - Returns: how many of them, from the top, exist.
  private func guardParents(of path: FilePath, _ id: RootID) -> Int {
    var current = FilePath(root: path.root, [])
    var count = 0
    for name in path.components {
      guard let directory = try? Directory(opening: current) else { return count }
      count += 1
      // The top cannot be moved.
      if count > 1 { addGuard(directory, .guardEvents, id) }
      current.append(name)
    }
    return count
  }

  /// Watches the nearest directory above a missing root for arrivals.
  ///
  /// - Returns: false if there is more of the path now than before: look again.
  private func guardArrival(of path: FilePath, _ id: RootID, existing count: Int) -> Bool {
    guard count > 0 else { return true }
    var nearest = FilePath(root: path.root, [])
    let names = Array(path.components)
    nearest.append(names.prefix(count - 1))
    guard count <= names.count, let directory = try? Directory(opening: nearest) else { return false }
    addGuard(directory, .arrivalEvents, id)
    return (try? directory.status(of: names[count - 1])) == nil
  }

  private func addGuard(_ directory: borrowing Directory, _ mask: UInt32, _ id: RootID) {
    // Without the right to read a parent the root is watched all the same.
    guard let watch = try? channel.inotify.watch(directory, mask, inUse: tree.watchCount) else { return }
    guards[watch, default: []].insert(id)
  }

  private func removeGuards(of id: RootID) {
    for (watch, roots) in guards where roots.contains(id) {
      guards[watch]?.remove(id)
      if roots.count == 1 {
        guards[watch] = nil
        if tree.directory(watch: watch) == nil { channel.inotify.remove(watch) }
      }
    }
  }

  func handleGuard(_ event: Inotify.Event, _ roots: Set<RootID>) {
    if event.has(IN_IGNORED) { guards[event.watch] = nil }
    for id in roots {
      // Of the directory above a missing root only what the root's path is made of matters.
      if let name = event.name {
        guard rootStates[id] == .missing, tree.roots[id]?.path.components.contains(name) == true else { continue }
      }
      verifyRoot(id, scanning: true)
    }
  }

  // MARK: Watching one directory

  /// Opens the directory in a place without following any symbolic link and makes sure that it is watched. A directory
  /// for which the kernel has no watch left is part of the tree too; it is scanned instead.
  ///
  /// - Returns: nil if there is none, or none of ours.
  func arm(_ place: WatchTree.Place) -> WatchTree.Attachment? {
    guard let path = tree.path(of: place) else {
      // Found by a scan that goes on while the directory is being renamed.
      if case .child(let parent, _) = place { info[parent]?.isIncomplete = true }
      return nil
    }
    guard !admission.isExcluded(path) else { return nil }
    do throws(FilesystemError) {
      return try arm(place, path)
    } catch {
      guard case .child(let parent, let name) = place else { return nil }
      switch error.code {
      case .notFound:
        info[parent]?.isIncomplete = true
        markReadable(parent, name)
      case .symlink, .notDirectory: markReadable(parent, name)
      default: markUnreadable(parent, name, error)
      }
      return nil
    }
  }

  private func arm(
    _ place: WatchTree.Place, _ path: FilePath
  ) throws(FilesystemError) -> WatchTree.Attachment? {
    let directory = try Directory(opening: path)
    let status = try directory.searchableStatus()
    guard !admission.isExcluded(status.identity) else {
      // Moved or mounted over what was there.
      if let orphan = tree.detach(place) { removeSubtree(orphan) }
      return nil
    }
    var watch: CInt?
    do throws(FilesystemError) {
      watch = try channel.inotify.watch(directory, .treeEvents, inUse: tree.watchCount)
    } catch {
      // Scanned instead.
      guard error.code == .watchLimit else { throw error }
    }
    if case .child(let parent, let name) = place { markReadable(parent, name) }
    if let watch { settleInherited(watch, at: place) }
    guard let attachment = tree.attach(watch: watch, at: place) else { return nil }
    inherited.remove(attachment.directory)
    if let displaced = attachment.displaced { removeSubtree(displaced) }
    if attachment.isNew { describe(attachment.directory, place, status, directory) }
    updateCoverage()
    return attachment
  }

  func describe(
    _ id: DirectoryID, _ place: WatchTree.Place, _ status: FileStatus, _ directory: borrowing Directory
  ) {
    var above: DirectoryInfo?
    if case .child(let parent, _) = place { above = info[parent] }
    let device = status.identity.device
    var networkPath = above?.networkPath
    let isOtherDevice = above?.device != device
    let type = isOtherDevice ? try? directory.descriptor.filesystemType() : nil
    if isOtherDevice { networkPath = type?.isNetwork == true ? directory.path : nil }
    info[id] = DirectoryInfo(device: device, networkPath: networkPath)
    if networkPath != nil { networkDirectories += 1 }
    if let type, type.isNetwork {
      degrade(
        "network-filesystem", directory.path.escaped,
        detail: "\(directory.path.escaped) is on \(type.name ?? "a network file system"): changes by others come late",
        remedy: "run staypos on the file server; until then it is scanned every \(timing.pollInterval)")
    }
  }

  // MARK: Mounts

  /// Something was mounted or unmounted; inotify says nothing of a mount over a directory. Only what is there now is
  /// scanned: where users may mount, they must not have everything scanned with it.
  func handleMounts() {
    guard let table = try? channel.mounts.read() else { return }
    let old = mountTable
    mountTable = table
    let changed = Set(Set(old.mounts).symmetricDifference(table.mounts).map(\.mountPoint))
    guard !changed.isEmpty else { return }
    var tops: [DirectoryID] = []
    for (id, root) in tree.roots.sorted(by: { $0.key.value < $1.key.value })
    where changed.contains(where: { root.path.starts(with: $0) }) {
      if let before = old.mount(containing: root.path), let after = table.mount(containing: root.path) {
        noteMount(id, root, before: before.mountPoint, after: after.mountPoint)
      }
      verifyRoot(id, scanning: false)
      if let top = tree.directory(at: .root(id)) { tops.append(top) }
    }
    for point in changed.sorted(by: { $0.length < $1.length })
    where tree.roots.values.contains(where: { $0.path != point && point.starts(with: $0.path) }) {
      if let directory = look(at: point) { tops.append(directory) }
    }
    if !tops.isEmpty { startPass(.mounts, tops, priority: .backlog) }
  }

  private func noteMount(_ id: RootID, _ root: WatchRoot, before: FilePath, after: FilePath) {
    if before != after, before.starts(with: after) {
      lostMounts[id] = before
      degrade(
        "unmounted", root.path.escaped, detail: "\(before.escaped) with \(root.path.escaped) was unmounted",
        remedy: "mount it again; it is picked up by itself")
    } else if lostMounts[id] == after {
      lostMounts[id] = nil
      recover("unmounted", root.path.escaped)
    }
  }
}
