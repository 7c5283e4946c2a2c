/// What one client, and all of them, may take from the daemon.
package struct ConnectionLimits: Sendable, Equatable {
  /// Connections in all.
  package var connections = 256
  /// Of these, kept for clients that may change things: nobody else can lock an administrator out.
  package var reserved = 32
  /// Connections of one user; root is not counted.
  package var connectionsPerUser = 64
  /// Bytes of a call. The longest path (4,096 bytes) fits several times however it is escaped.
  package var messageBytes = 64 << 10
  /// Bytes of replies that wait for a client to read them, before it gets no more of them.
  package var outputBytes = 256 << 10
  /// From the first byte of a call to its last.
  package var messageTime: Duration = .seconds(10)
  /// Without any call.
  package var idleTime: Duration = .seconds(600)
  /// Without reading a byte of what waits for it.
  package var stalledTime: Duration = .seconds(30)

  package init() {}
}
