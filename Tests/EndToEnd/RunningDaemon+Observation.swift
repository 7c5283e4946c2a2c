import Foundation
import Glibc
import SystemPackage
import Testing

/// What can be seen of a daemon from outside, without starting a process for every look.
extension RunningDaemon {
  /// One call on a connection of its own.
  func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
    try ControlConnection(socket).call(method, parameters)
  }

  func status() throws -> [String: Any] {
    try #require(try call("GetStatus")["status"] as? [String: Any])
  }

  /// All that have ever been made.
  func verdictCount() throws -> Int {
    let counts = try #require(try status()["counts"] as? [String: Int])
    return counts.values.reduce(0, +)
  }

  /// Waits until nothing is pending: neither in the queue nor in work.
  func emptyQueue(within seconds: Double = 180) async throws {
    _ = try await eventually("an empty queue", within: seconds) {
      let status = try status()
      return status["queueDepth"] as? Int == 0 && status["inFlight"] as? Int == 0 ? true : nil
    }
  }

  /// Waits until the watcher has put `count` files into the queue of a paused daemon.
  func queued(_ count: Int) async throws -> [[String: Any]] {
    try await eventually("\(count) files in the queue") {
      let entries = try #require(try call("ListQueue", ["limit": 1000])["entries"] as? [[String: Any]])
      return entries.count >= count ? entries : nil
    }
  }

  /// Waits until a file that was dropped just now has its verdict: everything that the kernel reported before has been
  /// looked at by then. The daemon must not be paused, and its settle time the same for all.
  func barrier(_ name: String = "barrier.txt") async throws {
    let path = uploads.appending(name)
    try drop(Data("no image: \(name)".utf8), at: path)
    _ = try await eventually("a verdict on \(name)") {
      try entries(on: path).first
    }
  }

  /// The verdicts on one file, the newest first.
  func entries(on path: FilePath) throws -> [[String: Any]] {
    try #require(try call("ListHistory", ["path": path.string])["entries"] as? [[String: Any]])
  }

  /// The last thousand verdicts at most, the oldest first.
  func recentHistory() throws -> [[String: Any]] {
    try #require(try call("ListHistory", ["limit": 1000])["entries"] as? [[String: Any]]).reversed()
  }

  /// Waits for a file's first verdict.
  func verdict(on path: FilePath, within seconds: Double = 180) async throws -> [String: Any] {
    try await eventually("a verdict on \(path)", within: seconds) { try entries(on: path).last }
  }

  /// All verdicts by path, as `verdict` or `verdict: reason`.
  func verdictsByPath() throws -> [String: [String]] {
    let entries = try #require(try call("ListHistory", ["limit": 1000])["entries"] as? [[String: Any]])
    return entries.reduce(into: [:]) { result, entry in
      let reason = (entry["reason"] as? String).map { ": \($0)" } ?? ""
      result[entry["path"] as? String ?? "", default: []].append("\(entry["verdict"] ?? "")\(reason)")
    }
  }

  /// Objects in the quarantine, as the daemon lists them.
  func quarantined() throws -> [[String: Any]] {
    try #require(try call("ListQuarantine")["entries"] as? [[String: Any]])
  }

  /// Children of the daemon: its scorers.
  func children() -> Set<pid_t> { EndToEnd.children(of: processIdentifier) }

  /// Bytes of private memory in use.
  func anonymousMemory() throws -> Int {
    let line = text(FilePath("/proc/\(processIdentifier)/status")).split(separator: "\n").first {
      $0.hasPrefix("RssAnon:")
    }
    return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
  }

  func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processIdentifier)/fd").count
  }

  /// Of those, sockets.
  func openSockets() throws -> Int {
    let folder = "/proc/\(processIdentifier)/fd"
    return try FileManager.default.contentsOfDirectory(atPath: folder).count { name in
      // One that was closed meanwhile has no target.
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)"))?.hasPrefix("socket:") == true
    }
  }
}

/// Whether a process of that number exists and has not ended.
func isAlive(_ process: pid_t) -> Bool {
  let status = FileManager.default.contents(atPath: "/proc/\(process)/stat") ?? Data()
  // pid (name) state …
  guard let name = status.lastIndex(of: UInt8(ascii: ")")), name + 2 < status.endIndex else { return false }
  return status[name + 2] != UInt8(ascii: "Z")
}

func children(of process: pid_t) -> Set<pid_t> {
  let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
  return tasks.reduce(into: []) { result, task in
    let children = FileManager.default.contents(atPath: "/proc/\(process)/task/\(task)/children") ?? Data()
    result.formUnion(String(decoding: children, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) })
  }
}
