import ControlInterface
import StayposCore
import SystemPackage

extension CallDispatcher {
  func read(_ method: ControlMethod, _ call: Call) throws(ControlFailure) -> CallOutcome {
    switch method {
    case .getStatus:
      return .reply(Reply.encode(StatusReply(status: try service.status())))
    case .getThreshold:
      return .reply(Reply.encode(ThresholdReply(threshold: try service.threshold())))
    case .listQueue:
      return try queue(call)
    case .listHistory:
      return try history(call)
    case .getHistory:
      let id = try call.parameters(HistoryIDCall.self).id
      guard let entry = try service.historyEntry(id) else { throw .notFound("no history entry \(id)") }
      return .reply(Reply.encode(HistoryReply(entry: HistoryRecord(entry))))
    case .listQuarantine:
      return try quarantine(call)
    case .getQuarantine:
      let id = try call.parameters(QuarantineIDCall.self).id
      guard let object = try service.quarantineObject(id) else { throw .notFound("nothing in the quarantine is \(id)") }
      return .reply(Reply.encode(QuarantineReply(object: object)))
    case .listAllow:
      return try allowlist(call)
    case .monitor:
      guard call.more else { throw .expectedMore }
      return .monitor
    case .setThreshold, .resetThreshold, .pause, .resume, .reload, .rescan, .submit, .restoreQuarantine,
      .deleteQuarantine, .addAllow, .removeAllow:
      preconditionFailure("\(method) changes something")
    }
  }
}
