import CLinux
import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// One running `staypos-scorer`, seen from the daemon.
///
/// The kernel kills it when the thread that started it ends, so it belongs to that thread.
final class ScorerProcess {
  /// Where the child finds what it was given.
  static let socketDescriptor: CInt = 3
  static let modelDescriptor: CInt = 4

  let channel: ScorerChannel
  /// Readable once the process has ended.
  let processDescriptor: Descriptor
  let identifier: pid_t
  /// Opened while nothing hostile runs in the child; later the child is hidden from its own user.
  private let memoryUse: Descriptor?
  private let lastWords: LastWords
  private var isReaped = false

  init(_ configuration: ScorerConfiguration, model: borrowing Descriptor) throws(ScorerFailure) {
    let pair = try Self.makePair()
    let pipe = try Self.makePipe()
    identifier = try Self.spawn(configuration, standardError: pipe.writer, socket: pair.theirs.socket, model: model)
    channel = pair.ours
    lastWords = pipe.lastWords
    let memoryUse = open("/proc/\(identifier)/statm", O_RDONLY | O_CLOEXEC)
    self.memoryUse = memoryUse < 0 ? nil : Descriptor(owning: memoryUse)
    let processDescriptor = clinux_pidfd_open(identifier)
    guard processDescriptor >= 0 else {
      let error = Errno(rawValue: errno)
      kill(identifier, SIGKILL)
      waitpid(identifier, nil, 0)
      throw .couldNotStart("pidfd_open: \(error)")
    }
    self.processDescriptor = Descriptor(owning: processDescriptor)
  }

  deinit {
    if !isReaped { _ = end(patience: .zero) }
  }

  /// Resident bytes; nil where /proc is not to be seen.
  var residentBytes: Int? {
    let descriptor: CInt
    switch memoryUse {
    case .some(let opened): descriptor = opened.rawValue
    case .none: return nil
    }
    let text = String(unsafeUninitializedCapacity: 128) { max(0, pread(descriptor, $0.baseAddress, $0.count, 0)) }
    // size, resident, shared, … in pages: proc_pid_statm(5)
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(getpagesize())
  }

  struct Ending {
    var exit: ScorerExit
    var wasKilled: Bool
    var peakResidentBytes: Int
    /// Of a stranger: escaped and short. nil if it said nothing.
    var lastWords: String?
  }

  /// Lets the process end by itself for at most `patience`, then kills it.
  func end(patience: Duration) -> Ending {
    isReaped = true
    var ended = pollfd(fd: processDescriptor.rawValue, events: Int16(POLLIN), revents: 0)
    let wasKilled = poll(&ended, 1, CInt(patience.milliseconds)) != 1
    if wasKilled { kill(identifier, SIGKILL) }
    var status: CInt = 0
    var usage = rusage()
    while wait4(identifier, &status, 0, &usage) < 0 && errno == EINTR {}
    let signal = status & 0x7F
    return Ending(
      exit: signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal), wasKilled: wasKilled,
      peakResidentBytes: usage.ru_maxrss * 1024, lastWords: lastWords.read())
  }

  private static func makePair() throws(ScorerFailure) -> ScorerChannel.Pair {
    do {
      try Failpoint.hit("scorer.starting")
      return try ScorerChannel.Pair()
    } catch {
      throw .couldNotStart("no socket pair: \(error)")
    }
  }

  private static func makePipe() throws(ScorerFailure) -> LastWords.Pipe {
    do {
      return try LastWords.Pipe()
    } catch {
      throw .couldNotStart("no pipe: \(error)")
    }
  }

  private static func spawn(
    _ configuration: ScorerConfiguration, standardError: borrowing Descriptor, socket: borrowing Descriptor,
    model: borrowing Descriptor
  ) throws(ScorerFailure) -> pid_t {
    var arguments = [
      "staypos-scorer", "--socket-fd", "\(socketDescriptor)", "--model-fd", "\(modelDescriptor)",
      "--precision", configuration.precision.rawValue, "--threads", "\(configuration.threads)",
    ]
    if let limit = configuration.memoryLimit { arguments += ["--memory-limit", "\(limit)"] }
    let environment = [
      "LC_ALL=C", "LIBDISPATCH_LOG=NO", "SWIFT_BACKTRACE=enable=no",
      // oneDNN looks for a profiler to load.
      "ONEDNN_JIT_PROFILE=0", "DNNL_JIT_PROFILE=0",
      "OMP_NUM_THREADS=\(configuration.threads)", "OMP_DYNAMIC=false",
      // A thread that waits for the others looks so many times, some hundredths of a millisecond, and then sleeps. A
      // hundred times that made an image take eight times as long when somebody else was using a processor.
      "GOMP_SPINCOUNT=1000",
      // Bytes of a thread's stack count as memory of the process.
      "OMP_STACKSIZE=2M",
    ]
    var process: pid_t = 0
    let code = configuration.executable.withPlatformString { path in
      withCStrings(arguments) { arguments in
        withCStrings(environment) { environment in
          clinux_spawn(
            &process, path, arguments, environment, [standardError.rawValue, socket.rawValue, model.rawValue], 3)
        }
      }
    }
    guard code == 0 else {
      throw .couldNotStart(
        "\(configuration.executable.escaped): \(Errno(rawValue: code)); install staypos-scorer there")
    }
    return process
  }
}

/// `strings` as C takes an argument vector.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { buffer in
    // Never empty: it ends with nil.
    body(buffer.baseAddress.unsafelyUnwrapped)
  }
}

extension Duration {
  /// Rounded up, so that a wait never ends early; at most about 24 days (poll(2) counts in 32 bits).
  var milliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 2_000_000 else { return 2_000_000_000 }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
