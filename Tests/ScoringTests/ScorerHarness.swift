import Filesystem
import Glibc
import Scoring
import StayposCore
import SystemPackage
import Testing

/// A directory of its own, and children that do what their "model" and their "images" say (Tests/Support/scorer-probe).
struct ScorerHarness: ~Copyable {
  let directory: FilePath

  init() throws {
    var template = Array("/tmp/staypos-scoring-XXXXXX".utf8CString)
    let created = mkdtemp(&template)
    try #require(created != nil)
    directory = FilePath(platformString: template)
  }

  deinit {
    if let stream = opendir(directory.string) {
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink(directory.appending(name).string)
      }
      closedir(stream)
    }
    rmdir(directory.string)
  }

  /// Where SwiftPM puts the executables that the tests depend on: beside the test bundle.
  static func product(_ name: String) throws -> FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)
    try #require(readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0)
    let path = FilePath(platformString: buffer).removingLastComponent().appending(name)
    try #require(access(path.string, X_OK) == 0, "\(path) has not been built")
    return path
  }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> FilePath {
    let path = directory.appending(name)
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(bytes) }
    return path
  }

  func image(_ bytes: some Sequence<UInt8>) throws -> Descriptor {
    try Self.open(write(bytes, to: "image"))
  }

  /// An order to scorer-probe.
  func image(_ order: String) throws -> Descriptor {
    try image(order.utf8)
  }

  static func open(_ path: FilePath) throws -> Descriptor {
    let descriptor = Glibc.open(path.string, O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0, "\(path)")
    return Descriptor(owning: descriptor)
  }

  /// Runs it without arguments; what it said on either stream, and its exit status.
  static func outputOfProgram(_ path: FilePath) throws -> (output: String, status: Int32) {
    let stream = try #require(popen("'\(path.string)' 2>&1", "r"))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
    defer { buffer.deallocate() }
    let count = fread(buffer.baseAddress, 1, buffer.count, stream)
    return (String(decoding: buffer[..<count], as: UTF8.self), pclose(stream) >> 8 & 0xFF)
  }

  /// - Parameter model: what the child does at the start; `sandbox` for the real walls.
  func scorer(
    _ model: String, interruption: ScorerInterruption? = nil,
    _ adjust: (inout ScorerConfiguration) -> Void = { _ in }
  ) throws -> Scorer {
    var configuration = ScorerConfiguration(executable: try Self.product("scorer-probe"), timeout: .seconds(20))
    adjust(&configuration)
    let source = try ModelSource(path: write(model.utf8, to: "model"))
    return Scorer(configuration, model: source, interruption: try interruption ?? ScorerInterruption())
  }
}

extension Scorer {
  /// The outcome, or nil and a recorded issue.
  func expectOutcome(_ image: borrowing Descriptor, sourceLocation: SourceLocation = #_sourceLocation)
    -> ScoringOutcome?
  {
    switch score(image) {
    case .outcome(let outcome, _): return outcome
    case .failed(let failure):
      Issue.record("\(failure)", sourceLocation: sourceLocation)
      return nil
    }
  }

  func failure(_ image: borrowing Descriptor) -> ScorerFailure? {
    if case .failed(let failure) = score(image) { failure } else { nil }
  }
}

/// Waits for something that another process or thread does; false after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(10)
  while ContinuousClock.now < deadline {
    if condition() { return true }
    usleep(2000)
  }
  return condition()
}

/// The letter of proc_pid_stat(5); nil if there is no such process.
func processState(_ process: pid_t) -> Character? { state(inFile: "/proc/\(process)/stat") }

/// The same of each thread.
func threadStates(of process: pid_t) -> [Character] {
  var states: [Character] = []
  guard let stream = opendir("/proc/\(process)/task") else { return states }
  defer { closedir(stream) }
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    // Neither . nor .., which is the process.
    if Int(name) != nil, let state = state(inFile: "/proc/\(process)/task/\(name)/stat") { states.append(state) }
  }
  return states
}

private func state(inFile path: String) -> Character? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  let file = Descriptor(owning: descriptor)
  let text = String(unsafeUninitializedCapacity: 512) { max(0, read(file.rawValue, $0.baseAddress, $0.count)) }
  guard let end = text.lastIndex(of: ")") else { return nil }
  return text[end...].dropFirst(2).first
}
