import ControlInterface

/// What comes of a call.
enum CallOutcome {
  /// The whole answer.
  case reply([UInt8])
  /// One piece after the other, as the client reads them.
  case pages(PageSource)
  /// Events, until the client goes.
  case monitor
  /// Runs on a helper thread and answers once, from whatever thread.
  case later(Lane, @Sendable (_ reply: @escaping Replier) -> Void)

  /// Each has a thread of its own, on which one call is worked on after the other.
  enum Lane: CaseIterable {
    /// A transaction: nothing that has to wait for a disk runs on the control thread.
    case quick
    case slow
  }
}

/// Takes the bytes of the only reply to a call; from any thread.
typealias Replier = @Sendable ([UInt8]) -> Void

/// Does a bounded piece of the work on a list, and gives the next reply if there is one by then, and whether it is the last.
typealias PageSource = () -> (reply: [UInt8]?, isLast: Bool)

enum Reply {
  static func encode(_ parameters: some Codable, continues: Bool = false) -> [UInt8] {
    do {
      return try VarlinkMessage.encode(VarlinkReply(parameters: parameters, continues: continues ? true : nil))
    } catch {
      // No reply type has a value that JSON cannot say; a client that gets no answer would wait for ever.
      return encode(ControlFailure.refused("the reply cannot be written as JSON: \(error)"))
    }
  }

  static func encode(_ failure: ControlFailure) -> [UInt8] {
    do {
      return try VarlinkMessage.encode(failure.error)
    } catch {
      fatalError("two strings cannot be written as JSON: \(error)")
    }
  }

  /// The reply to a call that may fail.
  static func of(_ result: () throws(ControlFailure) -> some Codable) -> [UInt8] {
    do throws(ControlFailure) {
      return encode(try result())
    } catch {
      return encode(error)
    }
  }
}
