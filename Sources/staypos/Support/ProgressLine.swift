import Glibc
import StayposCore
import SystemPackage

/// One line on standard error, written over again and again: how far, and how long still. Nothing if that is no terminal.
struct ProgressLine {
  private let label: String
  private let total: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant?
  private var done = 0
  /// Those that took time.
  private var worked = 0

  init(_ label: String, total: Int) {
    self.label = label
    self.total = total
    start = clock.now
  }

  /// - Parameter isWork: false: it was known already, and says nothing about the time that the others take.
  mutating func advance(isWork: Bool = true) {
    done += 1
    if isWork { worked += 1 }
    let now = clock.now
    guard isTerminal, shown.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
    shown = now
    write("\r\(Console.printable(text(elapsed: now - start)))\u{1B}[K")
  }

  /// Erases the line: before other output, and at the end.
  func clear() {
    if isTerminal, shown != nil { write("\r\u{1B}[K") }
  }

  private func text(elapsed: Duration) -> String {
    let progress = "\(label)  \(done) of \(total)"
    guard worked > 0 else { return progress }
    let left = elapsed / .seconds(1) / Double(worked) * Double(total - done)
    return "\(progress)  \((100 * Double(done) / Double(max(total, 1))).fixed(0)) %  \(Self.readable(left)) left"
  }

  /// Two units are enough.
  static func readable(_ seconds: Double) -> String {
    let seconds = Int(seconds.rounded(.up))
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    if hours > 0 { return "\(hours) h \(minutes) min" }
    if minutes > 0 { return "\(minutes) min \(seconds % 60) s" }
    return "\(seconds) s"
  }

  private func write(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
  }
}
