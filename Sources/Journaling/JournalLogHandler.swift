import Logging
import StayposCore

/// swift-log on top of an ``EventLog``: for what libraries and the daemon say beside its events.
///
/// Metadata `some-key` becomes the field `STAYPOS_SOME_KEY`.
package struct JournalLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  package var logLevel: Logger.Level = .info

  private let label: String
  private let log: EventLog

  package init(label: String, log: EventLog) {
    self.label = label
    self.log = log
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    if let provider = metadataProvider { all.merge(provider.get()) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    let pairs = all.map { (key: $0.key, value: $0.value.description) }.sorted { $0.key < $1.key }
    log.append(
      JournalEntry(
        priority: event.level.priority, time: .now, message: event.message.description,
        fields: [
          JournalField("STAYPOS_LOGGER", label),
          JournalField("CODE_FILE", event.file),
          JournalField("CODE_LINE", "\(event.line)"),
          JournalField("CODE_FUNC", event.function),
        ] + pairs.map { JournalField(Self.fieldName($0.key), $0.value) },
        details: pairs.map { "\($0.key)=\($0.value)" }.joined(separator: " ")))
  }

  /// journald takes upper-case letters, digits and underscores, 64 bytes in all, and drops a field of another name.
  static func fieldName(_ key: String) -> String {
    let letters = key.unicodeScalars.map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9": Character(String(scalar).uppercased())
      default: "_"
      }
    }
    return String(("STAYPOS_" + letters).prefix(64))
  }
}

extension Logger.Level {
  /// syslog(3)
  var priority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
