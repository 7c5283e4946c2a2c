import Filesystem
import StayposCore
import SystemPackage

extension WatchLoop {
  func note(
    _ name: FilePath.Component, in directory: DirectoryID, _ trigger: Settler.Trigger, _ priority: QueuePriority
  ) {
    let roots = tree.roots(of: directory)
    // Between the two halves of a move no root is known; the probe decides.
    guard roots.isEmpty || admission.root(for: name, among: roots) != nil else { return }
    let settle = admission.root(for: name, among: roots)?.settle ?? timing.moveGrace
    settler.note(
      WatchedName(directory: directory, name: name), trigger, priority: priority, settle: settle, at: .now, time: .now)
  }

  /// Probes the files whose time has come, some at a time.
  func settleDue() {
    for file in settler.due(at: .now, limit: 512) {
      let root = admission.root(for: file.name, among: tree.roots(of: file.directory))
      let path = tree.path(of: file.directory)?.appending(file.name)
      let observation: Settler.Observation
      if let path, root != nil, !admission.isExcluded(path) {
        observation = probe(path, file)
      } else {
        observation = tree.nodes[file.directory]?.places.isEmpty == true ? .gone : .notOurs
      }
      let decision = settler.resolve(file, observation, at: .now, time: .now)
      switch decision {
      case .settled(let identity, let priority):
        let isKnown = settledSinceOverflow?.updateValue(identity, forKey: file) == identity
        if let path, let root, !isKnown {
          if info[file.directory].map({ isPolled(file.directory, $0) }) == true {
            info[file.directory]?.seen[file.name] = identity
          }
          emit(SettledFile(path: path, root: root.path, identity: identity, priority: priority))
        }
      case .writerPending(let since):
        if let path {
          pendingWriters[file] = .init(path: path, since: since)
          emit(.writerPending(path, since: since))
        }
      case .wait: continue
      case .drop: break
      }
      if !settler.contains(file) { pendingWriters[file] = nil }
    }
  }

  /// Looks at a name without following anything and without opening anything but a regular file.
  private func probe(_ path: FilePath, _ file: WatchedName) -> Settler.Observation {
    do throws(FilesystemError) {
      let handle = try Descriptor.open(path, .handle)
      let status = try handle.status()
      // The kind of a directory can be told without the right to list it.
      if status.kind != .directory { markReadable(file.directory, file.name) }
      guard status.kind == .regular else { return .notOurs }
      var writer = WriterState.unknown
      // Without the right to read there is no lease; the scorer will say that it may not read it.
      if let file = try? handle.reopenedForReading(path: path) { writer = WriterLease.writer(of: file) }
      return .present(status.identity, links: status.links, writer: writer)
    } catch {
      switch error.code {
      case .notFound, .notDirectory: return .gone
      case .symlink: return .notOurs
      default:
        // Nobody may look it up, or its path is too long.
        markUnreadable(file.directory, file.name, error)
        return .notOurs
      }
    }
  }
}
