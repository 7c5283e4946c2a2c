import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// One line on standard error, written over again and again: how far a long piece of work is, and how long still. Nothing
/// where standard error is no terminal.
final class ProgressBar: Sendable {
  private struct State {
    var shown: ContinuousClock.Instant?
    var done = 0
    var known = 0
  }

  private let title: String
  private let total: Int
  private let before: Int
  private let start = ContinuousClock().now
  private let state = Mutex(State())

  static let isTerminal = isatty(STDERR_FILENO) == 1
  private static let width = 30
  private static let interval = Duration.milliseconds(100)

  /// - Parameter before: done already, by an earlier run or before the bar was there: what is done from now on says how long
  ///   the rest takes.
  init(_ title: String, total: Int, before: Int = 0) {
    self.title = Console.printable(title)
    (self.total, self.before) = (total, before)
  }

  /// One more, from any thread.
  /// - Parameter isWork: false: it was known already, and says nothing about the time that the others take.
  func advance(isWork: Bool = true) {
    state.withLock { state in
      state.done += 1
      if !isWork { state.known += 1 }
      show(&state)
    }
  }

  /// - Parameters:
  ///   - known: those done that took no time.
  ///   - note: short, behind the bar.
  func show(_ done: Int, known: Int = 0, note: String = "") {
    state.withLock { state in
      (state.done, state.known) = (done, known)
      show(&state, note: note)
    }
  }

  /// Takes the line away: before other output, and at the end.
  func clear() {
    state.withLock { state in
      if state.shown != nil { Self.write("\r\u{1B}[K") }
      state.shown = nil
    }
  }

  private func show(_ state: inout State, note: String = "") {
    guard Self.isTerminal, total > 0 else { return }
    let now = ContinuousClock().now
    if let shown = state.shown, now - shown < Self.interval, state.done < total { return }
    state.shown = now
    let line = Self.line(
      title, state.done, of: total, known: state.known, before: before, elapsed: (now - start) / .seconds(1), note: note
    )
    Self.write("\r\u{1B}[K" + Self.fitted(line, columns: Self.columns))
  }

  static func line(
    _ title: String, _ done: Int, of total: Int, known: Int = 0, before: Int = 0, elapsed: Double, note: String = ""
  ) -> String {
    let filled = min(done, total) * width / total
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    let worked = done - known - before
    let left = worked > 0 && done < total ? ", \(time(elapsed / Double(worked) * Double(total - done))) left" : ""
    let notes = [known > 0 ? "\(known) known" : "", note].filter { !$0.isEmpty }
    return (["\(title) [\(bar)] \(done)/\(total)\(left)"] + notes).joined(separator: "  ")
  }

  /// A longer line would go on in the next one, which nothing takes away again.
  static func fitted(_ line: String, columns: Int) -> String { String(line.prefix(max(columns - 1, 0))) }

  /// `59s`, `2m05s`, `3h07m`
  static func time(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9).rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
    return "\(whole / 3600)h\(two(whole / 60 % 60))m"
  }

  /// Of the terminal, whose window may change.
  private static var columns: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  private static func write(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
  }
}
