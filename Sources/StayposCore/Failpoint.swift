import Glibc
import SystemPackage

/// Named moments of a file's way at which a test ends the process or makes a step fail. In a debug build alone: in a
/// release nothing is left of a failpoint, not even its name.
///
/// In a test's own process ``handler`` decides; in a daemon the environment does (`Tests/README.md`).
///
/// Public, for only what is public is inlined into other modules: `package` would leave calls and names in a release.
public enum Failpoint {
  #if DEBUG
    package typealias Name = String

    /// Called with each name that is passed in this task; what it throws is thrown there.
    @TaskLocal package static var handler: (@Sendable (String) throws -> Void)?

    /// A step that can fail.
    package static func hit(_ name: Name) throws {
      try handler?(name)
      try FailpointPlan.inForce.reach(name)
    }

    /// A moment at which nothing can fail: the process can only end there.
    package static func pass(_ name: Name) {
      try? handler?(name)
      try? FailpointPlan.inForce.reach(name)
    }
  #else
    package typealias Name = StaticString

    /// Nothing.
    @inlinable @inline(__always) public static func hit(_ name: StaticString) throws {}
    /// Nothing.
    @inlinable @inline(__always) public static func pass(_ name: StaticString) {}
  #endif
}

#if DEBUG
  import Synchronization

  /// What STAYPOS_FAILPOINT orders: `NAME:ACTION[:N]`, several with commas. At the N-th time that the daemon comes by (1
  /// without), ACTION happens once: `kill` is SIGKILL, a number is thrown as an errno.
  package final class FailpointPlan: Sendable {
    package struct Order: Sendable, Equatable {
      package var name: String
      /// nil: the end.
      package var errno: Errno?
      /// From 1.
      package var turn: Int
    }

    static let inForce = FailpointPlan(getenv("STAYPOS_FAILPOINT").map { String(cString: $0) } ?? "")

    package let orders: [Order]
    private let turns = Mutex<[String: Int]>([:])

    /// Ends the process if it makes no sense: a campaign must not believe in a point that is never reached.
    init(_ text: String) {
      guard let orders = Self.orders(text) else { fatalError("STAYPOS_FAILPOINT=\(text) makes no sense") }
      self.orders = orders
    }

    /// - Returns: nil if the text makes no sense or names a point that is not in ``Failpoint/names``.
    package static func orders(_ text: String) -> [Order]? {
      var orders: [Order] = []
      for part in text.split(separator: ",") {
        let words = part.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(words.count), Failpoint.names.contains(String(words[0])) else { return nil }
        guard let turn = words.count == 3 ? Int(words[2]) : 1, turn > 0 else { return nil }
        let number = Int32(words[1])
        let isError = number.map { $0 > 0 } == true && Failpoint.steps.contains(String(words[0]))
        guard words[1] == "kill" || isError else { return nil }
        orders.append(Order(name: String(words[0]), errno: number.map(Errno.init(rawValue:)), turn: turn))
      }
      return orders
    }

    fileprivate func reach(_ name: String) throws(Errno) {
      guard orders.contains(where: { $0.name == name }) else { return }
      let turn = turns.withLock { turns in
        turns[name, default: 0] += 1
        return turns[name]
      }
      guard let order = orders.first(where: { $0.name == name && $0.turn == turn }) else { return }
      // For whoever has to know that it was reached.
      let line = "failpoint \(name): \(order.errno.map { "\($0.rawValue)" } ?? "kill")\n"
      _ = line.utf8CString.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
      guard let errno = order.errno else {
        kill(getpid(), SIGKILL)
        while true { pause() }
      }
      throw errno
    }
  }
#endif
