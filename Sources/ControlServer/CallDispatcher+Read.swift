import ControlInterface
import StayposCore
import SystemPackage

extension CallDispatcher {
  /// Entries of one reply of a stream.
  static let pageSize = 100
  /// Entries of the only reply to a call without `more`.
  static let singleReplySize = 1000
  /// Entries of the queue that one call may ask for: they are fetched in one go.
  static let queueLimit = 10_000

  func read(_ method: ControlMethod, _ call: Call) throws(ControlFailure) -> CallOutcome {
    switch method {
    case .getStatus:
      return .reply(Reply.encode(StatusReply(status: try service.status())))
    case .getThreshold:
      return .reply(Reply.encode(ThresholdReply(threshold: try service.threshold())))
    case .listQueue:
      let limit = try Self.limit(try call.parameters(ListQueueCall.self).limit)
      guard limit <= Self.queueLimit else { throw .invalidParameter("limit") }
      return try list(try service.queue(limit: limit).map(QueueRecord.init), call)
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
      return try list(try service.allowlist(), call)
    case .monitor:
      guard call.more else { throw .expectedMore }
      return .monitor
    case .setThreshold, .resetThreshold, .pause, .resume, .reload, .rescan, .submit, .restoreQuarantine,
      .deleteQuarantine, .addAllow, .removeAllow:
      preconditionFailure("\(method) changes something")
    }
  }

  private static func limit(_ limit: Int?) throws(ControlFailure) -> Int {
    let limit = limit ?? ControlInterface.defaultLimit
    guard limit > 0 else { throw .invalidParameter("limit") }
    return limit
  }

  private func history(_ call: Call) throws(ControlFailure) -> CallOutcome {
    let parameters = try call.parameters(ListHistoryCall.self)
    var query = HistoryQuery(limit: 0, verdict: parameters.verdict)
    query.path = try Self.path(parameters.path, parameters.pathBase64, "path")
    if let since = parameters.since {
      guard let time = Timestamp(rfc3339: since) else { throw .invalidParameter("since") }
      query.since = time
    }
    var left = try Self.limit(parameters.limit)
    return try pages(call, upTo: left) { size throws(ControlFailure) in
      query.limit = min(size, left)
      let entries = try service.history(query)
      left -= entries.count
      query.before = entries.last?.id
      return (entries.map(HistoryRecord.init), left <= 0 || entries.count < query.limit)
    }
  }

  private func quarantine(_ call: Call) throws(ControlFailure) -> CallOutcome {
    var before: QuarantineID?
    return try pages(call, upTo: nil) { size throws(ControlFailure) in
      let objects = try service.quarantined(before: before, limit: size)
      before = objects.last?.id
      return (objects, objects.count < size)
    }
  }

  private func list<Element: Codable & Sendable>(
    _ elements: [Element], _ call: Call
  ) throws(ControlFailure) -> CallOutcome {
    var rest = elements[...]
    return try pages(call, upTo: elements.count) { size throws(ControlFailure) in
      defer { rest = rest.dropFirst(size) }
      return (Array(rest.prefix(size)), rest.count <= size)
    }
  }

  /// With `more` one reply a page, else one reply with everything, if that is not too much.
  ///
  /// - Parameters:
  ///   - total: entries at most; nil if nobody knows.
  ///   - next: the next page of at most so many entries, and whether it is the last.
  private func pages<Element: Codable & Sendable>(
    _ call: Call, upTo total: Int?, _ next: @escaping (Int) throws(ControlFailure) -> ([Element], Bool)
  ) throws(ControlFailure) -> CallOutcome {
    guard call.more else {
      guard total ?? 0 <= Self.singleReplySize else { throw .expectedMore }
      let (entries, isLast) = try next(Self.singleReplySize)
      guard isLast else { throw .expectedMore }
      return .reply(Reply.encode(ListReply(entries: entries)))
    }
    return .pages {
      do throws(ControlFailure) {
        let (entries, isLast) = try next(Self.pageSize)
        return (Reply.encode(ListReply(entries: entries), continues: !isLast), isLast)
      } catch {
        return (Reply.encode(error), true)
      }
    }
  }
}
