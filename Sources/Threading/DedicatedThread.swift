import Glibc

/// A thread of its own for work that blocks: such work must not hold a thread of the cooperative pool.
///
/// The owner calls ``join()`` once, after telling the body to return.
package final class DedicatedThread: Sendable {
  private let handle: pthread_t

  /// - Parameters:
  ///   - name: for the error if no thread is to be had.
  ///   - body: runs at once on the new thread.
  package init(name: String, body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let argument = Unmanaged.passRetained(Body(run: body))
    let status = pthread_create(
      &handle, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
    guard status == 0 else {
      fatalError("no thread for \(name): \(String(cString: strerror(status))); raise TasksMax= or LimitNPROC=")
    }
    self.handle = handle
  }

  /// Waits until the body has returned. Once per thread.
  package func join() {
    pthread_join(handle, nil)
  }

  /// A thread whose end its body reports itself.
  package static func detach(name: String, body: @escaping @Sendable () -> Void) {
    pthread_detach(DedicatedThread(name: name, body: body).handle)
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void

    init(run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }
}
