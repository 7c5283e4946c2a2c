import FoundationEssentials
import Glibc
import Journaling
import Logging
import StayposCore
import SystemPackage

/// Does with the journal and the service manager what the daemon does, for the tests to look at from outside.
@main
enum JournalProbe {
  static func main() {
    switch CommandLine.arguments.dropFirst().first {
    case "events": events()
    case "notify": notify()
    case "activation": activation()
    default: exit(64)
    }
  }

  /// Every kind of event with every field, then a line of swift-log.
  private static func events() {
    let log = EventLog(output: .detect(identifier: "journal-probe"))
    let digest = SHA256Digest(bytes: [UInt8](repeating: 0xAB, count: 32))
    for kind in Event.Kind.allCases {
      log.record(
        Event(
          kind, .notice, "message of \(kind.rawValue)", path: FilePath(bytes: hostileName), sha256: digest,
          verdict: .notScored(.corrupt), score: Score(realScore: 0, fakeScore: 3, bias: -1), threshold: Threshold(0.5),
          model: digest, quarantineID: QuarantineID(at: Timestamp(nanoseconds: 0), random: 1),
          duration: .microseconds(1234), peer: Peer(uid: 7, gid: 8, pid: 9)))
    }
    var logger = Logger(label: "probe") { JournalLogHandler(label: $0, log: log) }
    logger[metadataKey: "some-key"] = "value\nMESSAGE=forged"
    logger.warning("library \u{1B}[31mspeaks")
    guard log.flush(within: .seconds(10)) else { exit(1) }
  }

  /// A line break with a field behind it, an escape sequence, a byte that is not UTF-8.
  private static let hostileName = Array("/up/a\nPRIORITY=0\u{1B}[31m".utf8) + [0xFF]

  private static func notify() {
    let notifier = ServiceNotifier()
    notifier.ready(status: "1 root\nSTOPPING=1")
    notifier.reloading()
    notifier.keepAlive()
    notifier.stopping(status: "bye")
    print(notifier.watchdogInterval.map { "watchdog \($0 / .milliseconds(1))" } ?? "no watchdog")
  }

  /// Says on the client's own connection that the socket has arrived.
  private static func activation() {
    guard let listener = PassedDescriptors.take().socket(named: "control") else { exit(1) }
    let client = accept(listener, nil, nil)
    let isClean = getenv("LISTEN_FDS") == nil && getenv("LISTEN_FDNAMES") == nil
    _ = write(client, isClean ? "clean" : "dirty", 5)
  }
}
