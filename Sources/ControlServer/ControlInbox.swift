import Filesystem
import Glibc
import Synchronization
import SystemPackage

/// What other threads have for the control thread.
final class ControlInbox: Sendable {
  struct Content {
    /// Replies to calls that somebody else has worked on, by connection.
    var replies: [(connection: Int, bytes: [UInt8])] = []
    var isStopping = false
  }

  private let content = Mutex(Content())
  private let event: EventDescriptor

  init() throws(ControlServerError) {
    do {
      event = try EventDescriptor()
    } catch {
      throw ControlServerError(.cannotListen, "\(error)")
    }
  }

  /// To wait for.
  var descriptor: CInt { event.descriptor.rawValue }

  func wake() {
    event.signal()
  }

  func reply(_ bytes: [UInt8], to connection: Int) {
    content.withLock { $0.replies.append((connection, bytes)) }
    wake()
  }

  func stop() {
    content.withLock { $0.isStopping = true }
    wake()
  }

  func take() -> Content {
    event.clear()
    return content.withLock { content in
      defer { content.replies = [] }
      return content
    }
  }
}
