import Synchronization

/// What is to become of every content of a soak: how many names it may have in the end.
///
/// A call that succeeds or fails while the daemon works on the same file does not always tell what became of the file: it
/// may have been in the quarantine already, or for a moment on its way there and back. So each content has bounds.
final class SoakLedger: Sendable {
  struct Account: Sendable {
    var content: SoakContent
    /// Names that it was given.
    var names = 0
    /// Of them, those that were surely taken away, and those that may have been.
    var surelyGone = 0
    var perhapsGone = 0
    /// It was restored, or may have been: a flagged one may lie among the uploads.
    var isRestored = false

    var range: ClosedRange<Int> { max(names - surelyGone - perhapsGone, 0)...max(names - surelyGone, 0) }
  }

  private let state = Mutex<[Account]>([])

  var accounts: [Account] { state.withLock { $0 } }

  var count: Int { state.withLock { $0.count } }

  /// A new content, with no name yet.
  func begin(_ kind: SoakContent.Kind) -> SoakContent {
    state.withLock { accounts in
      let content = SoakContent(number: accounts.count, kind: kind)
      accounts.append(Account(content: content))
      return content
    }
  }

  func change(_ number: Int, _ change: (inout Account) -> Void) {
    state.withLock { if $0.indices.contains(number) { change(&$0[number]) } }
  }
}
