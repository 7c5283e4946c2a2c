import StayposCore
import SystemPackage

extension JournalEntry {
  /// The entry of an event, with the fields of docs/logging.md.
  package init(_ event: Event, at time: Timestamp) {
    var fields = [
      JournalField("MESSAGE_ID", event.kind.messageID),
      JournalField("STAYPOS_EVENT", event.kind.rawValue),
    ]
    var details: [String] = []
    func add(_ name: String, _ key: String, _ value: String?, isLowerBound: Bool = false) {
      guard let value else { return }
      fields.append(JournalField(name, value))
      details.append("\(key)\(isLowerBound ? "≥" : "=")\(value)")
    }
    var message = event.message
    if let path = event.path {
      fields.append(JournalField("STAYPOS_PATH", path.bytes))
      message += ": \(path.escaped)"
    }
    add("STAYPOS_VERDICT", "verdict", event.verdict?.name.rawValue)
    add("STAYPOS_REASON", "reason", event.verdict?.reason?.rawValue)
    if let score = event.score {
      add("STAYPOS_PROBABILITY", "probability", "\(score.probability)", isLowerBound: score.isLowerBound)
      add("STAYPOS_LOGIT", "logit", "\(score.logit)", isLowerBound: score.isLowerBound)
      if score.isLowerBound { fields.append(JournalField("STAYPOS_LOWER_BOUND", "1")) }
    }
    add("STAYPOS_THRESHOLD", "threshold", event.threshold?.description)
    add("STAYPOS_QUARANTINE_ID", "quarantine", event.quarantineID?.description)
    add("STAYPOS_SHA256", "sha256", event.sha256?.description)
    if let model = event.model { fields.append(JournalField("STAYPOS_MODEL", model.description)) }
    if let duration = event.duration {
      let microseconds = Int64((duration / .microseconds(1)).rounded())
      fields.append(JournalField("STAYPOS_DURATION_USEC", "\(microseconds)"))
      details.append("seconds=\(Double(microseconds / 1000) / 1000)")
    }
    add("STAYPOS_PEER_UID", "uid", event.peer.map { "\($0.uid)" })
    add("STAYPOS_PEER_PID", "pid", event.peer.map { "\($0.pid)" })
    self.init(
      priority: event.level.rawValue, time: time, message: message, fields: fields,
      details: details.joined(separator: " "))
  }
}
