import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// One line on standard error that says how far a long piece of work is and when it will be done; nothing where standard
/// error is no terminal.
final class ProgressBar: Sendable {
  private struct State {
    var start: ContinuousClock.Instant
    var shown: ContinuousClock.Instant?
  }

  private let title: String
  private let state: Mutex<State>

  static let isTerminal = isatty(STDERR_FILENO) == 1
  private static let width = 30
  private static let interval = Duration.milliseconds(100)

  init(_ title: String) {
    self.title = title
    state = Mutex(State(start: ContinuousClock().now))
  }

  /// - Parameter note: short, behind the bar.
  func show(_ done: Int, of total: Int, note: String = "") {
    guard Self.isTerminal, total > 0 else { return }
    state.withLock { state in
      let now = ContinuousClock().now
      if let shown = state.shown, now - shown < Self.interval, done < total { return }
      state.shown = now
      let elapsed = (now - state.start) / .seconds(1)
      Self.write("\r\u{1B}[K" + Self.line(title, done, of: total, elapsed: elapsed, note: note))
    }
  }

  /// Takes the line away.
  func end() {
    guard Self.isTerminal else { return }
    Self.write("\r\u{1B}[K")
  }

  static func line(_ title: String, _ done: Int, of total: Int, elapsed: Double, note: String) -> String {
    let share = Double(min(done, total)) / Double(total)
    let filled = Int(share * Double(width))
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    let left = done == 0 ? "" : ", \(time(elapsed / share - elapsed)) left"
    return "\(title) [\(bar)] \(done)/\(total)\(left)" + (note.isEmpty ? "" : "  \(note)")
  }

  /// `59s`, `2m05s`, `3h07m`
  static func time(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9).rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
    return "\(whole / 3600)h\(two(whole / 60 % 60))m"
  }

  private static func write(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8))
  }
}
