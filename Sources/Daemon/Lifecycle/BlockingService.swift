import ServiceLifecycle
import Threading

/// A stage as a service: what it does is done on threads of its own; here it waits for the end and is stopped.
struct BlockingService: Service {
  let name: String
  /// Blocks until ``stop`` has been called; runs on a thread of its own. nil for stages with threads of their own.
  var body: (@Sendable () -> Void)?
  /// May block.
  let stop: @Sendable () -> Void

  func run() async throws {
    let thread = body.map { DedicatedThread(name: name, body: $0) }
    try? await gracefulShutdown()
    await Self.offPool {
      stop()
      thread?.join()
    }
  }

  /// Runs what blocks on a thread that may be blocked.
  static func offPool<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      DedicatedThread.detach(name: "blocking") { continuation.resume(returning: work()) }
    }
  }
}
