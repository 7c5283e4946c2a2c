import ControlInterface
import StayposCore
import SystemPackage

/// Lists: a turn of the control thread fetches one page at most, and holds one reply of bounded size at most, so that no
/// list, however long, keeps others waiting or fills the memory. The allowlist alone, which administrators make, is
/// fetched whole.
extension CallDispatcher {
  /// Entries that one turn fetches at most.
  static let pageSize = 100
  /// Bytes of one reply of a stream, unless a single entry has more.
  static let pageBytes = 256 << 10
  /// Entries, and bytes, of the only reply to a call without `more`.
  static let wholeSize = 1000
  static let wholeBytes = 2 << 20

  func queue(_ call: Call) throws(ControlFailure) -> CallOutcome {
    let limit = try Self.limit(try call.parameters(ListQueueCall.self).limit)
    return try list(call, upTo: limit, QueueRecord.init) { [service] (place: QueueItem?, size) throws(ControlFailure) in
      try service.queue(after: place, limit: size)
    }
  }

  func history(_ call: Call) throws(ControlFailure) -> CallOutcome {
    let parameters = try call.parameters(ListHistoryCall.self)
    var query = HistoryQuery(limit: 0, verdict: parameters.verdict)
    query.path = try Self.path(parameters.path, parameters.pathBase64, "path")
    if let since = parameters.since {
      guard let time = Timestamp(rfc3339: since) else { throw .invalidParameter("since") }
      query.since = time
    }
    let limit = try Self.limit(parameters.limit)
    return try list(call, upTo: limit, HistoryRecord.init) {
      [service, query] (place: Int64?, size) throws(ControlFailure) -> Page<HistoryEntry, Int64> in
      var query = query
      query.before = place
      query.limit = size
      return try service.history(query)
    }
  }

  func quarantine(_ call: Call) throws(ControlFailure) -> CallOutcome {
    try list(call, upTo: nil, { $0 }) { [service] (place: QuarantineID?, size) throws(ControlFailure) in
      try service.quarantined(before: place, limit: size)
    }
  }

  func allowlist(_ call: Call) throws(ControlFailure) -> CallOutcome {
    let entries = try service.allowlist()
    return try list(call, upTo: nil, { $0 }) { (place: Int?, size) throws(ControlFailure) -> Page<AllowRecord, Int> in
      let rest = entries.dropFirst(place ?? 0)
      return Page(Array(rest.prefix(size)), next: rest.count > size ? (place ?? 0) + size : nil)
    }
  }

  private static func limit(_ limit: Int?) throws(ControlFailure) -> Int {
    let limit = limit ?? ControlInterface.defaultLimit
    guard limit > 0 else { throw .invalidParameter("limit") }
    return limit
  }

  /// With `more` one reply a page, else one reply with everything, if that is not too much.
  ///
  /// - Parameters:
  ///   - limit: entries at most; nil: all.
  ///   - record: what the client gets of an entry.
  ///   - fetch: the page at a place, nil: the first, of at most so many entries.
  private func list<Entry: Sendable, Place: Sendable, Record: Codable & Sendable>(
    _ call: Call, upTo limit: Int?, _ record: @escaping (Entry) -> Record,
    _ fetch: @escaping (Place?, Int) throws(ControlFailure) -> Page<Entry, Place>
  ) throws(ControlFailure) -> CallOutcome {
    if !call.more, let limit, limit > Self.wholeSize { throw .expectedMore }
    var place: Place?
    var left = limit ?? .max
    func next() throws(ControlFailure) -> (records: [Record], isLast: Bool) {
      let page = try fetch(place, min(left, Self.pageSize))
      place = page.next
      left -= page.entries.count
      return (page.entries.map(record), place == nil || left <= 0)
    }
    return .pages(call.more ? Self.stream(next) : Self.whole(next))
  }

  /// A reply a page; of pages with long paths a part of one.
  private static func stream<Record: Codable & Sendable>(
    _ next: @escaping () throws(ControlFailure) -> (records: [Record], isLast: Bool)
  ) -> PageSource {
    var waiting: [Record] = []
    var isLast = false
    return {
      do throws(ControlFailure) {
        if waiting.isEmpty { (waiting, isLast) = try next() }
        guard isLast || !waiting.isEmpty else { return (nil, false) }
        var count = waiting.count
        while true {
          let ends = isLast && count == waiting.count
          let reply = Reply.encode(ListReply(entries: Array(waiting.prefix(count))), continues: !ends)
          guard reply.count > pageBytes, count > 1 else {
            waiting.removeFirst(count)
            return (reply, ends)
          }
          count = (count + 1) / 2
        }
      } catch {
        return (Reply.encode(error), true)
      }
    }
  }

  /// Nothing, turn after turn, and then all at once.
  private static func whole<Record: Codable & Sendable>(
    _ next: @escaping () throws(ControlFailure) -> (records: [Record], isLast: Bool)
  ) -> PageSource {
    var records: [Record] = []
    var bytes = 0
    return {
      do throws(ControlFailure) {
        let (more, isLast) = try next()
        records += more
        // Counted on the way, so that no more is held than may be sent.
        bytes += Reply.encode(ListReply(entries: more)).count
        guard records.count <= wholeSize, bytes <= wholeBytes else { throw .expectedMore }
        return isLast ? (Reply.encode(ListReply(entries: records)), true) : (nil, false)
      } catch {
        return (Reply.encode(error), true)
      }
    }
  }
}
