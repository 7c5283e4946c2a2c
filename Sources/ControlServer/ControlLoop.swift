import CLinux
import ControlInterface
import Filesystem
import Glibc
import StayposCore
import SystemPackage
import Threading

/// The control thread's work: waits, reads, dispatches, writes. Everything in it belongs to that thread.
final class ControlLoop {
  /// What it shares with other threads.
  struct Shared: Sendable {
    let inbox: ControlInbox
    let jobs: [CallOutcome.Lane: BoundedQueue<@Sendable () -> Void>]
    let feed: EventFeed
    let service: any ControlService
    let configuration: ControlServer.Configuration
  }

  /// Clients taken in before the others have their turn: all that listen(2) lets wait, so that nobody waits long.
  private static let arrivals = 128

  private let listener: ControlListener
  private let shared: Shared
  private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 16)
  private var connections: [Int: Connection] = [:]
  private var nextID = 0
  private var monitors = 0
  /// Calls answered and pages sent so far.
  private var steps = 0
  private var denials: DenialLimiter
  /// Given up for a moment when the process has no descriptor left, so that a client can be turned away.
  private var spare: CInt

  init(listener: consuming ControlListener, shared: Shared) {
    self.listener = listener
    self.shared = shared
    denials = DenialLimiter(now: .now)
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
  }

  deinit {
    if spare >= 0 { close(spare) }
    chunk.deallocate()
  }

  func run() {
    var hasWork = false
    while true {
      var order = connections.values.map { $0 }
      var requests = [
        pollfd(fd: shared.inbox.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: listener.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      requests += order.map(\.pollRequest)
      let count = poll(&requests, nfds_t(requests.count), hasWork ? 0 : timeout())
      guard count >= 0 || errno == EINTR else { fatalError("poll: \(Errno(rawValue: errno))") }
      let now = ContinuousClock.now
      let content = shared.inbox.take()
      if content.isStopping { break }
      for reply in content.replies { finish(reply.connection, reply.bytes, now) }
      publish(now)
      if count >= 0 {
        for (connection, request) in zip(order, requests.dropFirst(2)) {
          exchange(connection, Int32(request.revents), now)
        }
        hasWork = serveUsers(now)
        // What was dropped is closed before others come in its place: else there are more than the limits for a moment.
        order = []
        if requests[1].revents != 0 { accept(now) }
      }
    }
    for queue in shared.jobs.values { queue.close() }
    connections = [:]
    shared.feed.setWatched(false)
    listener.unlink()
  }

  /// Milliseconds until the first deadline; -1: none.
  private func timeout() -> CInt {
    guard let deadline = connections.values.compactMap(\.state.deadline).min() else { return -1 }
    let milliseconds = ((deadline - .now) / .milliseconds(1)).rounded(.up)
    return CInt(max(0, min(milliseconds, 3_600_000)))
  }

  // MARK: One client

  /// Reads what has come and sends what waits.
  private func exchange(_ connection: Connection, _ events: CInt, _ now: ContinuousClock.Instant) {
    var isAlive = events & CInt(POLLERR | POLLNVAL) == 0
    // A client that has closed both directions can take no reply; what it has asked for is done all the same.
    if events & CInt(POLLHUP) != 0, !connection.state.wantsInput, connection.state.call == nil { isAlive = false }
    if isAlive, events & CInt(POLLIN | POLLHUP) != 0, connection.state.wantsInput {
      isAlive = connection.receive(into: chunk, now: now)
    }
    if isAlive { isAlive = connection.send(now: now) }
    // Now that there is room, word of what there was none for.
    if isAlive, connection.state.phase == .monitoring {
      offerEvent(nil, lost: 0, to: connection, now)
      isAlive = connection.send(now: now)
    }
    settle(connection, isAlive: isAlive && (try? connection.state.findCall()) != nil, now)
  }

  /// One call or page for each user that waits for one, the connection first that has waited longest: however many calls
  /// a user makes, and of whatever length, another's call waits for one step of each.
  ///
  /// - Returns: whether somebody waits still.
  private func serveUsers(_ now: ContinuousClock.Instant) -> Bool {
    var next: [UInt32: Connection] = [:]
    for connection in connections.values where connection.isReady {
      let user = connection.access.peer.uid
      let isFirst = next[user].map { (connection.lastStep, connection.id) < ($0.lastStep, $0.id) }
      if isFirst ?? true { next[user] = connection }
    }
    for connection in next.values {
      steps += 1
      connection.lastStep = steps
      settle(connection, isAlive: step(connection, now), now)
    }
    return connections.values.contains(where: \.isReady)
  }

  /// False: the client is gone, or speaks no Varlink.
  private func step(_ connection: Connection, _ now: ContinuousClock.Instant) -> Bool {
    if let pages = connection.pages {
      let (reply, isLast) = pages()
      if let reply { connection.state.enqueue(reply, now: now) }
      if isLast {
        connection.pages = nil
        connection.state.enter(.idle, now: now)
      }
    } else if let message = connection.state.takeCall() {
      guard (try? answer(message, connection, now)) != nil else { return false }
    }
    return connection.send(now: now) && (try? connection.state.findCall()) != nil
  }

  private func settle(_ connection: Connection, isAlive: Bool, _ now: ContinuousClock.Instant) {
    if !isAlive || connection.state.isFinished || connection.state.deadline.map({ $0 <= now }) ?? false {
      drop(connection)
    }
  }

  private func answer(_ message: [UInt8], _ connection: Connection, _ now: ContinuousClock.Instant) throws {
    // Pages keep the dispatcher, and the connection keeps its pages: the closure must not keep the connection.
    let peer = connection.access.peer
    let dispatcher = CallDispatcher(service: shared.service, version: shared.configuration.version) {
      [unowned self] method in
      if denials.admits(now: now) { shared.service.accessDenied(method, to: peer) }
    }
    let header = try dispatcher.header(of: message)
    let isOneway = header.oneway ?? false
    switch dispatcher.outcome(of: header, message: message, from: connection.access) {
    case .reply(let bytes):
      if !isOneway { connection.state.enqueue(bytes, now: now) }
    case .pages(let pages):
      guard !isOneway else { return }
      connection.pages = pages
      connection.state.enter(.streaming, now: now)
    case .monitor:
      guard !isOneway else { return }
      connection.state.enter(.monitoring, now: now)
      monitors += 1
      shared.feed.setWatched(true)
      connection.state.enqueue(Reply.encode(MonitorReply(event: nil, lost: 0), continues: true), now: now)
    case .later(let lane, let work):
      connection.state.enter(.waiting, now: now)
      let (inbox, id) = (shared.inbox, connection.id)
      let isTaken = shared.jobs[lane]?.offer {
        work { bytes in inbox.reply(isOneway ? [] : bytes, to: id) }
      }
      // Cannot happen: there is one job a connection, and room for as many.
      if isTaken != true {
        finish(id, Reply.encode(ControlFailure.refused("too many changes at once: try again")), now)
      }
    }
  }

  private func finish(_ id: Int, _ reply: [UInt8], _ now: ContinuousClock.Instant) {
    guard let connection = connections[id], connection.state.phase == .waiting else { return }
    connection.state.enter(.idle, now: now)
    connection.state.enqueue(reply, now: now)
  }

  private func drop(_ connection: Connection) {
    guard connections.removeValue(forKey: connection.id) != nil else { return }
    guard connection.state.phase == .monitoring else { return }
    monitors -= 1
    if monitors == 0 { shared.feed.setWatched(false) }
  }

  // MARK: Events

  private func publish(_ now: ContinuousClock.Instant) {
    guard monitors > 0 else { return }
    let batch = shared.feed.take()
    guard !batch.events.isEmpty || batch.lost > 0 else { return }
    let watching = connections.values.filter { $0.state.phase == .monitoring }
    for (event, time) in batch.events {
      let record = EventRecord(event, at: time)
      // Once for all who have lost nothing.
      let reply = Reply.encode(MonitorReply(event: record, lost: 0), continues: true)
      for connection in watching { offerEvent((record, reply), lost: 0, to: connection, now) }
    }
    guard batch.lost > 0 else { return }
    for connection in watching { offerEvent(nil, lost: batch.lost, to: connection, now) }
  }

  /// - Parameter event: with the reply of those who have lost nothing; nil to tell of losses only, if there are any.
  private func offerEvent(
    _ event: (record: EventRecord, reply: [UInt8])?, lost: Int, to connection: Connection,
    _ now: ContinuousClock.Instant
  ) {
    guard connection.state.admits(event: event != nil, lost: lost) else { return }
    let lost = connection.state.takeLost()
    if lost == 0, let event {
      connection.state.enqueue(event.reply, now: now)
    } else {
      let reply = MonitorReply(event: event?.record, lost: lost)
      connection.state.enqueue(Reply.encode(reply, continues: true), now: now)
    }
  }

  // MARK: New clients

  private func accept(_ now: ContinuousClock.Instant) {
    for _ in 0..<Self.arrivals {
      let number = clinux_accept(listener.descriptor.rawValue)
      guard number >= 0 else {
        if errno == EMFILE || errno == ENFILE, spare >= 0 {
          close(spare)
          let refused = clinux_accept(listener.descriptor.rawValue)
          if refused >= 0 { close(refused) }
          spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
          continue
        }
        return
      }
      let descriptor = Descriptor(owning: number)
      let limits = shared.configuration.limits
      guard let access = Access(of: number, adminGroup: shared.configuration.adminGroup), hasRoom(for: access) else {
        continue
      }
      nextID += 1
      let connection = Connection(
        id: nextID, descriptor: descriptor, access: access, state: ConnectionState(limits: limits, now: now))
      // Behind all that wait already: else a user's further connections would keep the older ones from their turn.
      connection.lastStep = steps
      connections[nextID] = connection
    }
  }

  private func hasRoom(for access: Access) -> Bool {
    let limits = shared.configuration.limits
    guard connections.count < limits.connections else { return false }
    if !access.mayChange,
      connections.values.count(where: { !$0.access.mayChange }) >= limits.connections - limits.reserved
    {
      return false
    }
    let uid = access.peer.uid
    return uid == 0 || connections.values.count(where: { $0.access.peer.uid == uid }) < limits.connectionsPerUser
  }
}
