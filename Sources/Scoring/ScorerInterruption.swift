import Filesystem

/// Makes scorers give up, from any thread: the one that is at work kills its child and returns ``ScorerFailure/interrupted``
/// at once, and so does every later use.
package final class ScorerInterruption: Sendable {
  private let event: EventDescriptor

  package init() throws(FilesystemError) {
    event = try EventDescriptor()
  }

  package func request() { event.signal() }

  /// Readable while the interruption is requested.
  var descriptor: CInt { event.descriptor.rawValue }
}
