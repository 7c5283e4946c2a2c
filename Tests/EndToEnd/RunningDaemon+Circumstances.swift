import CLinux
import Foundation
import Glibc
import SystemPackage
import Testing

/// What tests do to a daemon's surroundings.
extension RunningDaemon {
  /// Adds keys to a table of the configuration file; a running daemon reads it with its next reload.
  func configure(_ table: String, _ keys: String) throws {
    let text = text(configuration)
    try #require(text.contains("[\(table)]\n"))
    try write(text.replacing("[\(table)]\n", with: "[\(table)]\n\(keys)\n", maxReplacements: 1), to: configuration)
  }

  /// Does something while the only scorer has a file: the scorer stands still meanwhile, from before the file is there. On
  /// a busy machine it might be through before anybody looks.
  /// - Parameter drop: brings the file.
  func whileScoring(_ path: FilePath, drop: () throws -> Void, _ action: () async throws -> Void) async throws {
    let scorer = try await eventually("an idle scorer") {
      let scorers = try #require(try status()["scorers"] as? [[String: Any]])
      return scorers.first { $0["state"] as? String == "idle" }?["pid"] as? Int
    }
    kill(pid_t(scorer), SIGSTOP)
    defer { kill(pid_t(scorer), SIGCONT) }
    try drop()
    try await eventually("\(path) in work") {
      try status()["inFlight"] as? Int == 1 && hasOpen(processIdentifier, path) ? () : nil
    }
    try await action()
  }

  /// Starts a daemon through unshare(1) in a mount namespace of its own, after `script` has mounted things there.
  /// - Parameter arguments: `$0`, `$1` and so on of the script; the daemon's command line follows in `$@`.
  static func launcher(mounting script: String) -> [String] {
    // Every step is an execve(2): the process that was started is the daemon in the end.
    ["/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", "\(script) && exec \"$@\"", "sh"]
  }

  static var canUnshareMounts: Bool { geteuid() == 0 && SystemTool.exists("/usr/bin/unshare", "/usr/bin/nsenter") }
  static let needsMounts = "needs root, unshare and nsenter (util-linux)"

  /// Runs a shell command where the daemon is.
  @discardableResult
  func inside(_ script: String) throws -> String {
    try SystemTool.run(
      "/usr/bin/nsenter", ["--mount", "--target", "\(processIdentifier)", "sh", "-c", script])
  }

  /// A path of the daemon's namespace, seen from here.
  func seen(_ path: FilePath) -> FilePath { FilePath("/proc/\(processIdentifier)/root").appending(path.components) }

  /// Of the present degradations.
  func degradations() throws -> [String: String] {
    let list = try #require(try status()["degradations"] as? [[String: Any]])
    return Dictionary(list.map { ($0["kind"] as? String ?? "", $0["detail"] as? String ?? "") }) { $1 }
  }

  func awaitDegradation(_ kind: String, within seconds: Double = 120) async throws -> String {
    try await eventually("degradation \(kind)", within: seconds) { try degradations()[kind] }
  }

  func awaitRecovery(_ kind: String, within seconds: Double = 120) async throws {
    try await eventually("recovery from \(kind)", within: seconds) { try degradations()[kind] == nil ? () : nil }
  }

  /// Of all threads that live.
  /// - Parameter process: nil: the daemon.
  func processorTime(of process: pid_t? = nil) throws -> Duration {
    let tasks = FilePath("/proc/\(process ?? processIdentifier)/task")
    return try FileManager.default.contentsOfDirectory(atPath: tasks.string).reduce(.zero) { sum, task in
      let fields = text(tasks.appending("\(task)/schedstat")).split(separator: " ")
      return sum + .nanoseconds(Int64(fields.first ?? "") ?? 0)
    }
  }

  /// Times that all threads of the daemon were put to sleep and woken, and clock ticks that they ran.
  func activity() throws -> (switches: Int, ticks: Int) {
    let tasks = FilePath("/proc/\(processIdentifier)/task")
    var switches = 0
    for task in try FileManager.default.contentsOfDirectory(atPath: tasks.string) {
      for line in text(tasks.appending("\(task)/status")).split(separator: "\n") where line.contains("ctxt_switches") {
        switches += line.split(separator: "\t").last.flatMap { Int($0) } ?? 0
      }
    }
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the name before them may hold anything.
    let fields =
      text(FilePath("/proc/\(processIdentifier)/stat")).split(separator: ")").last?.split(separator: " ") ?? []
    try #require(fields.count > 12)
    return (switches, (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0))
  }
}

/// Sizes of what takes long: small by default, as large as the environment says.
enum Effort {
  /// - Parameter variable: for example `STAYPOS_OVERFLOW_FILES`.
  static func count(_ variable: String, or small: Int) -> Int {
    ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? small
  }

  /// A figure for whoever asked for the full size.
  static func report(_ text: String) {
    print("figure: \(text)")
  }
}

/// rename(2).
func move(_ from: FilePath, _ to: FilePath) throws {
  let result = from.withPlatformString { from in to.withPlatformString { rename(from, $0) } }
  guard result == 0 else { throw Errno(rawValue: errno) }
}

/// renameat2(2) with RENAME_EXCHANGE.
func exchange(_ one: FilePath, _ other: FilePath) throws {
  let result = one.withPlatformString { one in
    other.withPlatformString { clinux_exchange(AT_FDCWD, one, AT_FDCWD, $0) }
  }
  guard result == 0 else { throw Errno(rawValue: errno) }
}
