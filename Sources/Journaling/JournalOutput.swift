import CSystemd
import FoundationEssentials
import Glibc
import StayposCore

/// Where entries go.
package enum JournalOutput: Sendable, Equatable {
  /// journald's native protocol.
  case journal(identifier: String)
  /// Lines on a descriptor that somebody else owns.
  case text(descriptor: CInt, colour: Bool)

  /// The journal if `descriptor` is connected to it, else lines: coloured on a terminal, unless `NO_COLOR` is set.
  package static func detect(
    environment: [String: String] = ProcessInfo.processInfo.environment, descriptor: CInt = STDERR_FILENO,
    identifier: String
  ) -> JournalOutput {
    if isJournal(descriptor, environment["JOURNAL_STREAM"]) { return .journal(identifier: identifier) }
    let plain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    return .text(descriptor: descriptor, colour: isatty(descriptor) == 1 && !plain)
  }

  /// - Parameter stream: `JOURNAL_STREAM` (systemd.exec(5)): device and inode. systemd-cat(1) of systemd 252 sets none;
  ///   then the name of the socket at the other end tells.
  private static func isJournal(_ descriptor: CInt, _ stream: String?) -> Bool {
    var information = stat()
    if let stream, fstat(descriptor, &information) == 0, stream == "\(information.st_dev):\(information.st_ino)" {
      return true
    }
    var address = sockaddr_un()
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
    }
    guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return false }
    let path = withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return path == "/run/systemd/journal/stdout"
  }

  /// Writes one entry; blocks while the other side takes none.
  ///
  /// What cannot be written is lost: there is nowhere left to say so.
  func write(_ entry: JournalEntry) {
    switch self {
    case .journal(let identifier):
      Self.send(entry.allFields(identifier: identifier))
    case .text(let descriptor, let colour):
      var rest = Array(entry.line(colour: colour).utf8)[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
          if errno == EINTR { continue }
          return
        }
        rest = rest.dropFirst(count)
      }
    }
  }

  private static func send(_ fields: [JournalField]) {
    // One buffer for all values: an iovec needs addresses that stay.
    var bytes: [UInt8] = []
    var ranges: [Range<Int>] = []
    for field in fields {
      let start = bytes.count
      bytes += field.bytes
      ranges.append(start..<bytes.count)
    }
    bytes.withUnsafeMutableBytes { buffer in
      let vectors = ranges.map { range in
        iovec(iov_base: buffer.baseAddress?.advanced(by: range.lowerBound), iov_len: range.count)
      }
      _ = sd_journal_sendv(vectors, CInt(vectors.count))
    }
  }
}

extension JournalEntry {
  /// For a terminal or a log file, with its line feed.
  func line(colour: Bool) -> String {
    let (name, code) =
      switch priority {
      case ...3: ("error", "31;1")
      case 4: ("warning", "33")
      case 5: ("notice", "1")
      case 6: ("info", "")
      default: ("debug", "2")
      }
    let tail = details.isEmpty ? "" : "  " + details.controlEscaped
    guard colour else { return "\(time.rfc3339) \(name): \(message)\(tail)\n" }
    let head = "\u{1B}[2m\(time.rfc3339)\u{1B}[0m "
    let body = code.isEmpty ? "\(name): \(message)" : "\u{1B}[\(code)m\(name): \(message)\u{1B}[0m"
    return head + body + (tail.isEmpty ? "" : "\u{1B}[2m\(tail)\u{1B}[0m") + "\n"
  }
}
