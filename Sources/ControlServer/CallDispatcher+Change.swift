import ControlInterface
import StayposCore
import SystemPackage

extension CallDispatcher {
  /// Bytes of a note on the allowlist.
  static let noteLimit = 1000

  func change(_ method: ControlMethod, _ call: Call) throws(ControlFailure) -> CallOutcome {
    let (service, peer) = (service, call.peer)
    switch method {
    case .setThreshold:
      guard let threshold = Threshold(try call.parameters(SetThresholdCall.self).value) else {
        throw .invalidParameter("value")
      }
      return Self.later(.quick) { () throws(ControlFailure) in
        ThresholdReply(threshold: try service.setThreshold(threshold, by: peer))
      }
    case .resetThreshold:
      return Self.later(.quick) { () throws(ControlFailure) in
        ThresholdReply(threshold: try service.resetThreshold(by: peer))
      }
    case .pause:
      return Self.later(.quick) { () throws(ControlFailure) in
        try service.pause(by: peer)
        return NoParameters()
      }
    case .resume:
      return Self.later(.quick) { () throws(ControlFailure) in
        try service.resume(by: peer)
        return NoParameters()
      }
    case .addAllow:
      let parameters = try call.parameters(AddAllowCall.self)
      let note = parameters.note ?? ""
      guard note.utf8.count <= Self.noteLimit else { throw .invalidParameter("note") }
      return Self.later(.quick) { () throws(ControlFailure) in
        try service.addAllow(parameters.sha256, note: note, by: peer)
        return NoParameters()
      }
    case .removeAllow:
      let digest = try call.parameters(RemoveAllowCall.self).sha256
      return Self.later(.quick) { () throws(ControlFailure) in
        try service.removeAllow(digest, by: peer)
        return NoParameters()
      }
    case .reload:
      return Self.later(.slow) { () throws(ControlFailure) in
        try service.reload(by: peer)
        return NoParameters()
      }
    case .rescan:
      let parameters = try call.parameters(PathCall.self)
      let path = try Self.path(parameters.path, parameters.pathBase64, "path")
      return Self.later(.slow) { () throws(ControlFailure) in
        try service.rescan(path, by: peer)
        return NoParameters()
      }
    case .submit:
      return try submit(call)
    case .restoreQuarantine:
      let parameters = try call.parameters(RestoreQuarantineCall.self)
      let path = try Self.path(parameters.to, parameters.toBase64, "to")
      return Self.later(.slow) { () throws(ControlFailure) in
        RestoreReply(path: try service.restore(parameters.id, to: path, by: peer))
      }
    case .deleteQuarantine:
      let id = try call.parameters(QuarantineIDCall.self).id
      return Self.later(.slow) { () throws(ControlFailure) in
        try service.delete(id, by: peer)
        return NoParameters()
      }
    case .getStatus, .getThreshold, .listQueue, .listHistory, .getHistory, .listQuarantine, .getQuarantine, .listAllow,
      .monitor:
      preconditionFailure("\(method) changes nothing")
    }
  }

  private func submit(_ call: Call) throws(ControlFailure) -> CallOutcome {
    let (service, peer) = (service, call.peer)
    let parameters = try call.parameters(PathCall.self)
    guard let path = try Self.path(parameters.path, parameters.pathBase64, "path") else {
      throw .invalidParameter("path")
    }
    guard parameters.wait == true else {
      return Self.later(.slow) { () throws(ControlFailure) in
        SubmitReply(queueId: try service.submit(path, waiting: nil, by: peer))
      }
    }
    return .later(.slow) { reply in
      let waiter = SubmissionWaiter { result in
        reply(Reply.of { () throws(ControlFailure) in SubmitReply(entry: HistoryRecord(try result.get())) })
      }
      do throws(ControlFailure) {
        _ = try service.submit(path, waiting: waiter, by: peer)
      } catch {
        waiter.fail(error)
      }
    }
  }

  private static func later<Parameters: Codable & SendableMetatype>(
    _ lane: CallOutcome.Lane, _ work: @escaping @Sendable () throws(ControlFailure) -> Parameters
  ) -> CallOutcome {
    .later(lane) { reply in reply(Reply.of(work)) }
  }

  /// An absolute path from its text or, if there are, its exact bytes. nil if neither is given.
  static func path(_ text: String?, _ base64: String?, _ name: String) throws(ControlFailure) -> FilePath? {
    guard text != nil || base64 != nil else { return nil }
    guard let path = FilePath(json: text ?? "", base64: base64), path.isAbsolute, path.length < 4096 else {
      throw .invalidParameter(name)
    }
    return path
  }
}
