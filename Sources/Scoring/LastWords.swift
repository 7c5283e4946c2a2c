import CLinux
import Filesystem
import Glibc
import SystemPackage

/// A pipe for a scorer's standard error, read once, when it has ended. One that has been taken over could else write into
/// the journal in the daemon's name, or to a terminal.
struct LastWords: ~Copyable {
  private let reader: Descriptor

  private init(_ reader: consuming Descriptor) {
    self.reader = reader
  }

  /// Both ends, close-on-exec. Neither ever waits: what does not fit is lost.
  struct Pipe: ~Copyable {
    var lastWords: LastWords
    var writer: Descriptor

    init() throws(Errno) {
      var ends: [CInt] = [-1, -1]
      guard clinux_pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
      lastWords = LastWords(Descriptor(owning: ends[0]))
      writer = Descriptor(owning: ends[1])
    }
  }

  /// What has been written and not been read yet, in one line; nil if that is nothing.
  func read() -> String? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(reader.rawValue, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    // The last ones say why it ended.
    let end = lines.joined(separator: "; ").unicodeScalars.suffix(ScorerProtocol.maximumTextLength)
    return end.isEmpty ? nil : ScorerProtocol.printable(String(String.UnicodeScalarView(end)))
  }
}
