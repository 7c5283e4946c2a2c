import CLinux
import Filesystem
import Glibc
import Scoring
import StayposCore
import SystemPackage
import Testing

/// What a decoder that has been taken over can still do. Every attempt is made three times: without walls, where it has to
/// succeed (or the test would prove nothing), behind all of them, and behind each one that forbids it alone.
@Suite(.serialized)
struct SandboxTests {
  enum Answer: Equatable, CustomTestStringConvertible {
    case done
    case refused(CInt)
    /// SIGSYS: killed by the filter.
    case killed
    /// The process became another program, which ended.
    case replaced
    case other(String)

    var testDescription: String { "\(self)" }

    var isRefusal: Bool {
      switch self {
      case .killed, .refused(EACCES), .refused(EPERM): true
      default: false
      }
    }
  }

  private func attempt(_ order: String, behind walls: String) throws -> Answer {
    let harness = try ScorerHarness()
    let expanded = order.replacing("DIRECTORY", with: harness.directory.string)
    let scorer = try harness.scorer(walls)
    switch scorer.score(try harness.image(expanded)) {
    case .outcome(.notScored(.corrupt, detail: "done"), _): return .done
    case .outcome(.notScored(.corrupt, let detail), _): return CInt(detail).map { .refused($0) } ?? .other(detail)
    case .failed(.crashed(.signal(SIGSYS), _)): return .killed
    case .failed(.crashed(.status(0), _)): return .replaced
    case let result: return .other("\(result)")
    }
  }

  static let escapes = [
    "open", "create DIRECTORY/new", "reopen", "unlink DIRECTORY/model", "socket", "unix-socket", "fork", "exec",
    "kill", "tgkill", "read-parent", "raise-limit", "chmod", "dup", "listen", "priority",
    "shared-memory", "growing-memory",
  ]

  @Test(arguments: escapes) func succeedsWithoutWalls(order: String) throws {
    #expect(try attempt(order, behind: "none") == (order == "exec" ? .replaced : .done))
  }

  @Test(arguments: escapes + ["write", "ptrace", "unshare", "io-uring", "bpf"]) func failsBehindAllWalls(order: String)
    throws
  {
    let answer = try attempt(order, behind: "sandbox")
    #expect(answer.isRefusal, "\(order): \(answer)")
  }

  @Test(arguments: escapes) func failsBehindTheFilterAlone(order: String) throws {
    let answer = try attempt(order, behind: "seccomp")
    #expect(answer.isRefusal, "\(order): \(answer)")
  }

  /// Its own part: files, TCP ports from version 4, signals and abstract sockets from version 6.
  @Test(
    .enabled(if: clinux_landlock_abi() > 0, "this kernel has no landlock"),
    arguments: ["open", "create DIRECTORY/new", "reopen", "unlink DIRECTORY/model", "exec"])
  func failsBehindLandlockAlone(order: String) throws {
    #expect(try attempt(order, behind: "landlock") == .refused(EACCES))
  }

  @Test(.enabled(if: clinux_landlock_abi() >= 6, "this kernel's landlock does not scope signals"))
  func landlockAloneHoldsSignalsAndPorts() throws {
    #expect(try attempt("kill", behind: "landlock") == .refused(EPERM))
    #expect(try attempt("listen", behind: "landlock") == .refused(EACCES))
  }

  @Test func dangerousCallsKill() throws {
    for order in ["socket", "fork", "exec", "ptrace", "kill", "tgkill", "read-parent", "unshare", "io-uring", "bpf"] {
      #expect(try attempt(order, behind: "sandbox") == .killed, "\(order)")
    }
  }

  @Test func privilegesAreGone() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("privileges")
    try scorer.start()
    let process = try #require(scorer.processIdentifier)
    let file = try ScorerHarness.open(FilePath("/proc/\(process)/status"))
    let text = String(unsafeUninitializedCapacity: 8192) { max(0, read(file.rawValue, $0.baseAddress, $0.count)) }
    for line in [
      "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000",
      "CapAmb:\t0000000000000000",
    ] {
      #expect(text.contains(line), "\(line)")
    }
    #expect(try attempt("core-limit", behind: "privileges") == .other("= 0"))
    #expect(try attempt("dumpable", behind: "privileges") == .other("= 0"))
  }

  @Test func whatArithmeticNeedsStillWorks() throws {
    #expect(try attempt("executable-memory", behind: "sandbox") == .done)
    #expect(try attempt("thread", behind: "sandbox threads") == .done)
    #expect(try attempt("processors", behind: "sandbox") != .killed)
  }

  @Test func oneThreadMeansNoThread() throws {
    #expect(try attempt("thread", behind: "sandbox").isRefusal)
  }

  /// Not as many as the service may have: the daemon needs some too.
  @Test func severalThreadsMeanNoFlood() throws {
    func count(behind walls: String) throws -> Int {
      guard case .other(let detail) = try attempt("threads", behind: walls) else { return -1 }
      return detail.split(separator: " ").first.flatMap { Int($0) } ?? -1
    }
    // Others of the same user may come and go meanwhile.
    let least = Sandbox.furtherThreads - 200
    let most = Sandbox.furtherThreads + 200
    #expect((least...most).contains(try count(behind: "sandbox threads nobody")))
    #expect(try count(behind: "threads nobody") > most)
  }

  @Test func theFilterHoldsInEveryThread() throws {
    #expect(try attempt("open-in-thread", behind: "seccomp threads early-thread").isRefusal)
    #expect(try attempt("open-in-thread", behind: "sandbox threads early-thread").isRefusal)
  }
}
