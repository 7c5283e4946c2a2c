import Filesystem
import Glibc
import Scoring
import StayposCore

/// Stands in for `staypos-scorer` in the tests: the same start, sandbox and server, but the "model" says in words how to
/// start, and an "image" says what its decoder does once it has been taken over.
@main
enum ScorerProbe {
  static func main() {
    guard CommandLine.arguments.contains("--socket-fd") else { exit(64) }
    let orders = Set(contents(of: 4).split(separator: " ").map(String.init))
    let server = ScorerServer(ScorerChannel(Descriptor(owning: 3)))
    var sandbox = Sandbox()
    let threads = orders.contains("threads") ? 2 : 1

    if orders.contains("crash-at-start") { abort() }
    if orders.contains("hang-at-start") { pause() }
    if orders.contains("reject") {
      try? server.refuse("this model\nis no model")
      return
    }
    // The kernel limits nobody's threads if he is root.
    if orders.contains("nobody"), geteuid() == 0, setuid(65534) != 0 { exit(71) }
    if orders.contains("heavy") { _ = grow(128 << 20) }
    if orders.contains("early-thread") { EarlyThread.shared.start() }
    let walls = orders.contains("sandbox") ? ["privileges", "landlock", "seccomp"] : orders
    if walls.contains("privileges") { sandbox.dropPrivileges(threads: threads, memoryLimit: memoryLimit) }
    if walls.contains("landlock") { sandbox.denyFiles() }
    if walls.contains("seccomp") { sandbox.denySystemCalls(socket: 3, threads: threads) }
    let hello = ScorerHello(model: model, sandbox: sandbox.report)
    try? server.run(hello) { image, request in
      attempt(contents(of: image.rawValue), image: image.rawValue, request)
    }
  }

  /// Its name and its digest tell what was in the file.
  private static var model: ScorerModel {
    var digest = [UInt8](repeating: 0, count: 32)
    for (index, byte) in contents(of: 4).utf8.prefix(32).enumerated() { digest[index] = byte }
    return ScorerModel(
      name: contents(of: 4), sha256: SHA256Digest(bytes: digest)!, threshold: Threshold(0.5)!, head: .positive,
      precision: .fp32, minimumSize: 1)
  }

  private static var memoryLimit: Int? {
    guard let index = CommandLine.arguments.firstIndex(of: "--memory-limit") else { return nil }
    return Int(CommandLine.arguments[index + 1])
  }

  private static func contents(of descriptor: CInt) -> String {
    String(unsafeUninitializedCapacity: 4096) { max(0, pread(descriptor, $0.baseAddress, $0.count, 0)) }
  }
}
