import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// What cannot be opened or listed, for want of rights or since its path is too long, is remembered by its place: a name in
/// a directory, which may be renamed meanwhile. It is tried again from time to time, for no event tells of a right that
/// is given.
extension WatchLoop {
  /// - Parameter name: of a file or directory; nil: the directory itself could not be listed, or has too
  ///   many of them.
  func markUnreadable(_ directory: DirectoryID, _ name: FilePath.Component?, _ error: FilesystemError) {
    guard let count = info[directory]?.unreadable.count else { return }
    // Who makes ever new names fills no memory with them: of so many, the directory is listed again instead.
    let name = count < 64 || info[directory]?.unreadable[name] != nil ? name : nil
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
    degrade(
      "unreadable",
      detail: "\(unreadableCount) \(unreadableCount == 1 ? "place" : "places") cannot be opened, among them "
        + "\(path?.escaped ?? "one that is being moved"): \(error.message)",
      remedy: "\(remedy(error)); it is tried again every \(timing.unreadableInterval)")
  }

  private func remedy(_ error: FilesystemError) -> String {
    switch error.code {
    case .permissionDenied: "give the staypos user read and search permission, or CAP_DAC_READ_SEARCH"
    case .tooLarge: "shorten the names of the directories above"
    default: "mend what the reason names"
    }
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
      let parent = tree.path(of: directory).flatMap { try? Directory(opening: $0) }
      for name in info[directory]?.unreadable.keys.map(\.self) ?? [] {
        guard let name else {
          readable.append(directory)
          continue
        }
        // Looked up from its directory, so that no path is too long to see that it is gone.
        if isGone(name, from: parent) {
          markReadable(directory, name)
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

  private func isGone(_ name: FilePath.Component, from parent: borrowing Directory?) -> Bool {
    do throws(FilesystemError) {
      _ = try parent?.status(of: name)
      return false
    } catch {
      return error.code == .notFound
    }
  }
}

extension Directory {
  /// - Throws: `permission-denied` if the directory may be read, but names in it not be looked up.
  func searchableStatus() throws(FilesystemError) -> FileStatus { try status(of: Self.itself) }

  private static let itself: FilePath.Component = "."
}
