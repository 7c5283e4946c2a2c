import Glibc

/// A thread for waits that block: neither the cooperative pool nor the main thread may sit in `poll(2)`.
package enum DedicatedThread {
  /// Starts a detached thread. Whoever needs to know its end has the body say so.
  ///
  /// - Parameter name: at most 15 bytes, shown by `ps -T` and debuggers.
  package static func start(named name: String, _ body: @escaping @Sendable () -> Void) {
    let argument = Unmanaged.passRetained(ThreadBody(name: name, run: body)).toOpaque()
    let status = create(argument)
    guard status == 0 else {
      Unmanaged<ThreadBody>.fromOpaque(argument).release()
      fatalError(
        "pthread_create for \(name): \(String(cString: strerror(status))); raise the limit on threads (TasksMax)")
    }
  }

  private static func create(_ argument: UnsafeMutableRawPointer) -> CInt {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    return pthread_create(&thread, &attributes, runThread, argument)
  }
}

private final class ThreadBody: Sendable {
  let name: String
  let run: @Sendable () -> Void

  init(name: String, run: @escaping @Sendable () -> Void) {
    self.name = name
    self.run = run
  }

  /// What `pthread_setname_np(3)` does; it is a GNU extension that Swift's Glibc module does not show.
  func setThreadName() {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = write(file, name, name.utf8.count)
    close(file)
  }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let body = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
  body.setThreadName()
  body.run()
  return nil
}
