/// Runs asynchronous code on the thread that asks for it, and on no other.
///
/// The pool behind Swift's default executor is libdispatch's. From its first job on, libdispatch counts that pool's
/// threads every second (`_dispatch_workq_monitor_pools`), as long as the process lives: a daemon that has to sleep
/// must never give it one.
package final class ThreadExecutor: TaskExecutor {
  private let jobs = BoundedQueue<UnownedJob>(capacity: .max)

  private init() {}

  /// Blocks until `operation` has ended. It and its child tasks run on the calling thread.
  package static func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    let executor = ThreadExecutor()
    let outcome = Monitor<Result<Value, any Error>?>(nil)
    Task(executorPreference: executor) {
      let result: Result<Value, any Error>
      do {
        result = .success(try await operation())
      } catch {
        result = .failure(error)
      }
      outcome.update { $0 = result }
      executor.jobs.close()
    }
    while let jobs = executor.jobs.takeAll() {
      for job in jobs { job.runSynchronously(on: executor.asUnownedTaskExecutor()) }
    }
    guard let result = outcome.read({ $0 }) else { preconditionFailure("closed by the task alone") }
    return try result.get()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    // False only after the end of `run`, when nobody is left who waits for it.
    _ = jobs.offer(UnownedJob(job))
  }
}
