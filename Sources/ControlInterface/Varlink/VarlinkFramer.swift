/// Cuts a stream of bytes into Varlink messages: JSON objects, each ended by one NUL.
///
/// Pure: the same messages come out however the bytes were split on their way.
package struct VarlinkFramer: Sendable {
  /// Bytes of one message without its NUL.
  package static let defaultLimit = 1 << 20

  private let limit: Int
  private var buffer: [UInt8] = []
  /// Start of the first message not yet handed out.
  private var start = 0
  /// Everything before it is known to hold no NUL.
  private var scanned = 0

  package init(limit: Int = defaultLimit) {
    self.limit = limit
  }

  /// Bytes of a message that has begun and not ended.
  package var pendingCount: Int { buffer.count - start }

  package mutating func append(_ bytes: some Collection<UInt8>) {
    if start > 0, start == buffer.count || start > limit {
      buffer.removeFirst(start)
      scanned -= start
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole message without its NUL; nil until more bytes come.
  package mutating func next() throws(VarlinkFramingError) -> [UInt8]? {
    guard let end = buffer[scanned...].firstIndex(of: 0) else {
      scanned = buffer.count
      if pendingCount > limit { throw VarlinkFramingError(limit: limit) }
      return nil
    }
    guard end - start <= limit else { throw VarlinkFramingError(limit: limit) }
    defer {
      start = end + 1
      scanned = start
    }
    return Array(buffer[start..<end])
  }
}

/// A message is longer than the receiver takes; the stream cannot be continued.
package struct VarlinkFramingError: Error, Equatable, CustomStringConvertible {
  package let limit: Int

  package var description: String { "a Varlink message is longer than \(limit) bytes" }
}
