import CLinux
import Glibc
import Scoring
import StayposCore

/// What a decoder that has been taken over may try. An attempt that the kernel refuses gives the error's number as the detail,
/// one that succeeds gives `done`; a forbidden call kills the process.
func attempt(_ order: String, image: CInt, _ request: ScorerRequest) -> ScoringOutcome {
  let words = order.split(separator: " ").map(String.init)
  let first = words.first ?? ""
  switch first {
  // Good behaviour, and what a daemon has to survive.
  case "score": return .scored(Score(realScore: 0, fakeScore: 1, bias: 0), size: ImageSize(width: 2, height: 2))
  case "clear": return .scored(Score(realScore: 0, fakeScore: 0, bias: -1), size: ImageSize(width: 2, height: 2))
  case "request": return .notScored(.corrupt, detail: "\(request.threads) threads")
  case "bound":
    let bound = Score(realScore: 0, fakeScore: 1, bias: 0, isLowerBound: true)
    return .scored(bound, size: ImageSize(width: 2, height: 2))
  case "lie": return .scored(Score(realScore: -1, fakeScore: 1, bias: 0), size: ImageSize(width: 2, height: 2))
  case "abort": abort()
  case "say":
    _ = write(STDERR_FILENO, order, order.utf8.count)
    abort()
  case "babble":
    // More than a pipe holds.
    for _ in 0..<1000 { _ = write(STDERR_FILENO, String(repeating: "a", count: 1000), 1000) }
    abort()
  case "hang": while true { sleep(1000) }
  case "exit": exit(7)
  case "grow": return grow(words.count > 1 ? Int(words[1]) ?? 0 : 0)
  case "stop": return answer(kill(getpid(), SIGSTOP))
  case "kill-self": return answer(raise(SIGKILL))
  case "chatter": return answer(send(3, "nonsense", 8, 0))
  case "double":
    // Its own reply first, then the server's.
    let reply = #"{"id":1,"reason":"corrupt","detail":"first"}"#
    return answer(send(3, reply, reply.utf8.count, 0))
  case "flood":
    let flood = [UInt8](repeating: UInt8(ascii: " "), count: 100_000)
    return answer(send(3, flood, flood.count, 0))
  case "smuggle":
    let reply = #"{"id":1,"reason":"corrupt","detail":"first"}"#
    return answer(clinux_send_message(3, reply, reply.utf8.count, image))
  case "close":
    // The server's next answer fails.
    _ = close(3)
    while true { sleep(1000) }
  case "descriptors": return .notScored(.corrupt, detail: openDescriptors())
  case "thread": return thread()
  case "threads": return threads()
  case "executable-memory": return executableMemory()
  case "processors": return .notScored(.corrupt, detail: "\(sysconf(CInt(_SC_NPROCESSORS_ONLN))) processors")
  case "core-limit":
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(4 /* RLIMIT_CORE */), &limit)
    return .notScored(.corrupt, detail: "= \(limit.rlim_max)")
  case "dumpable": return .notScored(.corrupt, detail: "= \(callDirectly("prctl", 3 /* PR_GET_DUMPABLE */))")
  case "open-in-thread": return EarlyThread.shared.ask()

  // Attempts to get out.
  case "open": return answer(open("/etc/passwd", O_RDONLY))
  case "create": return answer(open(words[1], O_CREAT | O_WRONLY, 0o600))
  case "write": return answer(write(image, "x", 1))
  case "chmod": return answer(fchmod(image, 0o777))
  case "reopen": return answer(open("/proc/self/fd/\(image)", O_RDONLY))
  case "unlink": return answer(unlink(words[1]))
  case "socket": return answer(socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
  case "listen":
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return answer(-1) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return answer(
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      })
  case "dup": return answer(fcntl(image, F_DUPFD, 5))
  case "priority": return answer(callDirectly("setpriority", 0, 0, 0))
  case "unix-socket": return answer(socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0))
  case "fork": return answer(callDirectly("fork"))
  case "exec":
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    return answer(execv("/bin/true", &arguments))
  case "ptrace": return answer(callDirectly("ptrace", 16 /* PTRACE_ATTACH */, Int(getppid())))
  case "kill": return answer(kill(getppid(), 0))
  case "tgkill": return answer(callDirectly("tgkill", Int(getppid()), Int(getppid()), 0))
  case "read-parent": return answer(callDirectly("process_vm_readv", Int(getppid()), 0, 0, 0, 0))
  case "unshare": return answer(callDirectly("unshare", 0x1000_0000 /* CLONE_NEWUSER */))
  case "io-uring": return answer(callDirectly("syscall", 425, 1, 0))
  case "shared-memory": return answer(map(MAP_SHARED | MAP_ANONYMOUS))
  case "growing-memory": return answer(map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN))
  case "bpf": return answer(callDirectly("syscall", 321, 0, 0, 0))
  case "raise-limit":
    var limit = rlimit(rlim_cur: 100, rlim_max: 100)
    return answer(setrlimit(__rlimit_resource_t(7 /* RLIMIT_NOFILE */), &limit))
  default: return .notScored(.unsupportedFormat, detail: "no such attempt: \(order)")
  }
}

private func answer(_ result: some SignedInteger) -> ScoringOutcome {
  .notScored(.corrupt, detail: result < 0 ? "\(errno)" : "done")
}

/// Calls a C function that Swift hides, with integers only.
private func callDirectly(
  _ name: String, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0,
  _ f: Int = 0
) -> Int32 {
  typealias Function = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int32
  guard let symbol = dlsym(nil, name) else { return 0 }
  let result = unsafeBitCast(symbol, to: Function.self)(a, b, c, d, e, f)
  if name == "fork", result == 0 { _exit(0) }
  return result
}

func grow(_ bytes: Int) -> ScoringOutcome {
  guard let memory = malloc(bytes) else { return .notScored(.outOfMemory, detail: "malloc") }
  // Leaked on purpose.
  memset(memory, 1, bytes)
  return .notScored(.corrupt, detail: "grown")
}

private func openDescriptors() -> String {
  (0..<256).filter { fcntl($0, F_GETFL) >= 0 }.map { "\($0)" }.joined(separator: " ")
}

private func thread() -> ScoringOutcome {
  var identifier = pthread_t()
  let code = pthread_create(&identifier, nil, { _ in nil }, nil)
  guard code == 0 else { return .notScored(.corrupt, detail: "\(code)") }
  pthread_join(identifier, nil)
  return .notScored(.corrupt, detail: "done")
}

/// As many as the kernel gives, up to what would be a flood.
private func threads() -> ScoringOutcome {
  let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
  pthread_attr_init(attributes)
  pthread_attr_setstacksize(attributes, 64 << 10)
  var count = 0
  var identifier = pthread_t()
  while count < 3000, pthread_create(&identifier, attributes, { _ in while true { sleep(1000) } }, nil) == 0 {
    count += 1
  }
  return .notScored(.corrupt, detail: "\(count) threads")
}

/// -1, or 0 where the memory can be had.
private func map(_ flags: CInt) -> Int {
  mmap(nil, 1 << 20, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -1 : 0
}

/// As oneDNN does for its kernels.
private func executableMemory() -> ScoringOutcome {
  let size = Int(getpagesize())
  let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard let memory, memory != MAP_FAILED else { return answer(-1) }
  return answer(mprotect(memory, size, PROT_READ | PROT_EXEC))
}
