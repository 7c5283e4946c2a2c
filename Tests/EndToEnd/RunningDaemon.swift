import CLinux
import Foundation
import Glibc
import Subprocess
import Synchronization
import SystemPackage
import Testing

/// A stayposd of this build on private directories, from its readiness to its end.
///
/// Readiness comes as systemd would get it: over NOTIFY_SOCKET. Nothing here sleeps: what takes time is awaited through
/// `staypos-ctl` (`submit --wait`, `monitor`) or by looking again until a deadline.
final class RunningDaemon: Sendable {
  let directory: FilePath
  let uploads: FilePath
  let configuration: FilePath
  /// What the daemon is started through: a program and its arguments, before the daemon's own.
  private let launcher: [String]
  /// Of the daemon, beside the tests' own.
  private let environment: [String: String]
  private let process: Mutex<Process?>
  private let executable: FilePath

  /// Who scores.
  enum ScorerKind {
    case staypos
    /// scorer-probe, locked up alike: it is ready in some hundredths of a second, and an image says in words what it gets
    /// (`score …`: flagged; `clear …`; anything else is no image).
    case standIn
  }

  var quarantine: FilePath { directory.appending("quarantine") }
  var state: FilePath { directory.appending("state") }
  var socket: FilePath { directory.appending("control.sock") }
  var log: FilePath { directory.appending("log") }

  /// Makes the directories and a configuration; starts nothing.
  /// - Parameters:
  ///   - parent: on the file system to use.
  ///   - quarantine: elsewhere than beside the uploads.
  ///   - scorer: the stand-in's threshold is 0.5.
  ///   - watch: more keys of the watched directory.
  ///   - launcher: starts the daemon and ends with it.
  ///   - environment: for the daemon, beside the tests' own.
  init(
    parent: FilePath = "/tmp", settle: Int = 50, quarantine: FilePath? = nil, scorer: ScorerKind = .staypos,
    watch: String = "",
    detector: String = "", extra: String = "", launcher: [String] = [], environment: [String: String] = [:]
  ) throws {
    self.launcher = launcher
    self.environment = environment
    var template = parent.appending("staypos-daemon.XXXXXX").string.utf8CString
    let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
    guard made != nil else { throw Errno(rawValue: errno) }
    directory = FilePath(String(decoding: template.map { UInt8(bitPattern: $0) }.dropLast(), as: UTF8.self))
    uploads = directory.appending("uploads")
    configuration = directory.appending("stayposd.toml")
    process = Mutex(nil)
    try FileManager.default.createDirectory(atPath: uploads.string, withIntermediateDirectories: true)
    var model = BuiltExecutables.model
    switch scorer {
    case .staypos: executable = try BuiltExecutables.path("stayposd")
    case .standIn:
      executable = try BuiltExecutables.link(["stayposd": "stayposd", "scorer-probe": "staypos-scorer"], in: directory)
        .appending("stayposd")
      model = directory.appending("model")
      try Data("sandbox".utf8).write(to: URL(filePath: model.string))
    }
    try write(
      """
      [[watch]]
      path = "\(uploads)"
      settle_milliseconds = \(settle)
      \(watch)
      [detector]
      model = "\(model)"
      \(detector)
      [quarantine]
      directory = "\(quarantine ?? directory.appending("quarantine"))"
      [state]
      directory = "\(directory)/state"
      [control]
      socket = "\(directory)/control.sock"
      \(extra)
      """, to: configuration)
  }

  deinit {
    if let running = process.withLock({ $0 }), running.isRunning {
      // Foundation gives every child a process group of its own: what a launcher has started ends too.
      kill(launcher.isEmpty ? running.processIdentifier : -running.processIdentifier, SIGKILL)
      running.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  /// Of the launcher, if there is one.
  var processIdentifier: pid_t { process.withLock { $0?.processIdentifier ?? -1 } }

  // MARK: Life

  /// Starts the daemon and returns when it says READY=1.
  /// - Parameter environment: for this run.
  func start(environment: [String: String] = [:]) throws {
    let socket = try launch(environment: environment)
    while true {
      guard let message = socket.receive(within: 60) else {
        throw Failure("no READY=1 within a minute; the log says:\n\(text(log))")
      }
      if message.split(separator: "\n").contains("READY=1") { return }
    }
  }

  /// Starts the daemon and does not wait for it.
  /// - Returns: where it will say READY=1.
  @discardableResult
  func launch(environment: [String: String] = [:]) throws -> NotifySocket {
    let notify = directory.appending("notify")
    let socket = try NotifySocket(notify)
    let process = Process()
    let command = launcher + [executable.string, "--config", configuration.string]
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.environment = ProcessInfo.processInfo.environment.merging(self.environment) { $1 }
      .merging(environment) { $1 }.merging(["NOTIFY_SOCKET": notify.string]) { $1 }
    if !exists(log) { _ = FileManager.default.createFile(atPath: log.string, contents: nil) }
    let handle = try FileHandle(forWritingTo: URL(filePath: log.string))
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    self.process.withLock { $0 = process }
    return socket
  }

  /// SIGTERM, and the exit status.
  func stop() throws -> CInt {
    try signal(SIGTERM)
    return try wait()
  }

  func signal(_ number: CInt) throws {
    guard kill(processIdentifier, number) == 0 else { throw Errno(rawValue: errno) }
  }

  /// SIGKILL, and the end.
  func crash() throws {
    try signal(SIGKILL)
    _ = try hasEnded(within: 60)
  }

  /// Whether the process ends in this time; sooner told than by ``wait()``.
  func hasEnded(within seconds: Double) throws -> Bool {
    let descriptor = clinux_pidfd_open(processIdentifier)
    // Reaped already.
    guard descriptor >= 0 else { return true }
    defer { close(descriptor) }
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, CInt(seconds * 1000)) == 1
  }

  /// The signal that ended it; nil if it ended by itself.
  func endingSignal() throws -> CInt? {
    let process = try #require(process.withLock { $0 })
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal ? process.terminationStatus : nil
  }

  /// Waits for the end.
  func wait() throws -> CInt {
    let process = try #require(process.withLock { $0 })
    process.waitUntilExit()
    return process.terminationStatus
  }

  // MARK: Conversation

  /// Runs staypos-ctl.
  func ctl(_ arguments: String...) async throws -> BuiltExecutables.Finished {
    try await BuiltExecutables.run("staypos-ctl", arguments + ["--socket", socket.string])
  }

  /// Runs staypos-ctl with `--json`, which has to succeed.
  func objects(_ arguments: String...) async throws -> [[String: Any]] {
    let finished = try await BuiltExecutables.run("staypos-ctl", arguments + ["--json", "--socket", socket.string])
    guard finished.exitCode == 0 else {
      throw Failure("staypos-ctl \(arguments): \(finished.status): \(finished.errors)\(text(log).suffix(2000))")
    }
    return try finished.lines.map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// All verdicts, the oldest first.
  func history() async throws -> [[String: Any]] {
    try await objects("history", "--limit", "100000").reversed()
  }

  /// Looks again until `condition` holds.
  func eventually<Value>(
    _ what: String, within seconds: Double = 120, every pause: Duration = .milliseconds(20),
    _ condition: () async throws -> Value?
  ) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      // Once more after the deadline: on a busy machine this task may not have run in between.
      let isLast = ContinuousClock.now >= deadline
      if let value = try await condition() { return value }
      if isLast { break }
      try await Task.sleep(for: pause)
    }
    throw Failure("not within \(seconds) s: \(what); the log says:\n\(text(log).suffix(4000))")
  }

  /// The verdicts on `count` files, awaited.
  func verdicts(_ count: Int) async throws -> [[String: Any]] {
    _ = try await eventually("\(count) verdicts", within: 180) { try verdictCount() >= count ? true : nil }
    return try await history()
  }

  // MARK: Files

  func text(_ path: FilePath) -> String {
    String(decoding: FileManager.default.contents(atPath: path.string) ?? Data(), as: UTF8.self)
  }

  func write(_ text: String, to path: FilePath) throws {
    try Data(text.utf8).write(to: URL(filePath: path.string))
  }

  /// Copies a sample image of the repository under a new name in the uploads, through a writer that closes it.
  @discardableResult
  func drop(_ sample: String, as name: String) throws -> FilePath {
    let path = uploads.appending(name)
    try drop(try Self.sample(sample), at: path)
    return path
  }

  func drop(_ bytes: Data, at path: FilePath) throws {
    let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }

  static func sample(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: BuiltExecutables.repository.appending("Samples/\(name)").string))
  }

  func exists(_ path: FilePath) -> Bool {
    path.withPlatformString { access($0, F_OK) } == 0
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
  }
}

/// The receiving end of sd_notify(3).
final class NotifySocket {
  private let descriptor: CInt

  init(_ path: FilePath) throws {
    unlink(path.string)
    descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8.prefix($0.count - 1)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
  }

  deinit {
    close(descriptor)
  }

  /// The next message, nil after the time is over. What the daemon hands over to be kept is nobody's here
  /// (``ServiceManager`` keeps it).
  func receive(within seconds: Double) -> String? {
    while true {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, CInt(seconds * 1000)) == 1 else { return nil }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      let message = String(decoding: buffer.prefix(count), as: UTF8.self)
      if !message.hasPrefix("FDSTORE") { return message }
    }
  }
}
