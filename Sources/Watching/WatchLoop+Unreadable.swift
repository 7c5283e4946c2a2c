import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// What cannot be opened or listed, for want of rights or since its path is too long, is remembered by its place: a name in
/// a directory, which may be renamed meanwhile. It is tried again from time to time, for no event tells of a right that
/// is given.
extension WatchLoop {
  /// - Parameter name: of a file or directory; nil: the directory itself could not be listed.
  func markUnreadable(_ directory: DirectoryID, _ name: FilePath.Component?, _ error: FilesystemError) {
    guard info[directory] != nil else { return }
    var error = error
    error.path = nil
    if info[directory]?.unreadable.updateValue(error, forKey: name) == nil { unreadableCount += 1 }
    unreadable.insert(directory)
    updateUnreadable()
  }

  func markReadable(_ directory: DirectoryID, _ name: FilePath.Component?) {
    guard unreadable.contains(directory), info[directory]?.unreadable.removeValue(forKey: name) != nil else { return }
    unreadableCount -= 1
    if info[directory]?.unreadable.isEmpty == true { unreadable.remove(directory) }
    updateUnreadable()
  }

  /// The directory is forgotten with everything in it.
  func markReadable(all directory: DirectoryID) {
    guard unreadable.remove(directory) != nil else { return }
    unreadableCount -= info[directory]?.unreadable.count ?? 0
    info[directory]?.unreadable = [:]
    updateUnreadable()
  }

  private func updateUnreadable() {
    scheduleRetry()
    guard let directory = unreadable.first, let (name, error) = info[directory]?.unreadable.first else {
      recover("unreadable")
      return
    }
    let path = tree.path(of: directory).map { path in name.map { path.appending($0) } ?? path }
    let isTooLong = error.errno?.rawValue == ENAMETOOLONG
    degrade(
      "unreadable",
      detail: "\(unreadableCount) \(unreadableCount == 1 ? "place" : "places") cannot be opened, among them "
        + "\(path?.escaped ?? "one that is being moved"): \(error.message)",
      remedy: (isTooLong
        ? "shorten the names of the directories above"
        : "give the staypos user read and search permission, or CAP_DAC_READ_SEARCH")
        + "; it is tried again every \(timing.unreadableInterval)")
  }

  /// Of a missing root nothing may tell either: a directory above it may be one that cannot be watched.
  func scheduleRetry() {
    let isBlind = !unreadable.isEmpty || rootStates.values.contains(.missing)
    nextUnreadable = isBlind ? nextUnreadable ?? .now + timing.unreadableInterval : nil
  }

  func retryUnreadable() {
    nextUnreadable = nil
    for (id, state) in rootStates where state == .missing { verifyRoot(id, scanning: true) }
    var readable: [DirectoryID] = []
    for directory in unreadable {
      for name in info[directory]?.unreadable.keys.map(\.self) ?? [] {
        guard let name else {
          readable.append(directory)
          continue
        }
        if let armed = arm(.child(of: directory, name: name)) {
          readable.append(armed.directory)
        } else if info[directory]?.unreadable[name] == nil {
          // It is no directory.
          note(name, in: directory, .found, .backlog)
        }
      }
    }
    if !readable.isEmpty { startPass(.change, readable, priority: .backlog) }
    scheduleRetry()
  }
}

extension Directory {
  /// - Throws: `permission-denied` if the directory may be read, but names in it not be looked up.
  func searchableStatus() throws(FilesystemError) -> FileStatus {
    try status(of: ".")
  }
}
