import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// Scores images in a child process that may crash, hang or lie without harm to the caller.
///
/// For one thread: the child dies with the thread that started it. ``interrupt`` alone may be used from others.
package final class Scorer {
  private let configuration: ScorerConfiguration
  private let model: ModelSource
  private let interruption: ScorerInterruption
  private var running: (process: ScorerProcess, hello: ScorerHello)?
  /// Resident bytes of the child when it was ready.
  private var residentAtStart = 0
  /// Of the first start; every later one has to load the same.
  private var loadedModel: SHA256Digest?
  private var lastRequest: UInt64 = 0
  private var failedStarts = 0
  private let clock = SuspendingClock()
  private var earliestStart: SuspendingClock.Instant

  /// Starts nothing yet. Several scorers may share the model and the interruption.
  package init(_ configuration: ScorerConfiguration, model: ModelSource, interruption: ScorerInterruption) {
    self.configuration = configuration
    self.model = model
    self.interruption = interruption
    earliestStart = clock.now
  }

  /// Of the child that runs now; nil before the first image and after ``stop()``.
  package var processIdentifier: pid_t? { running?.process.identifier }

  /// Starts the child unless it runs, and waits until it has loaded the model. After failures it first waits
  /// a while that doubles each time, at most a minute.
  @discardableResult
  package func start() throws(ScorerFailure) -> ScorerHello {
    try ready().hello
  }

  /// Scores the image in `file`, which has to be open for reading only.
  /// - Parameters:
  ///   - threshold: a lower bound that reaches it is good enough; nil: the score of the whole image.
  ///   - threads: nil: as many as there may be.
  package func score(
    _ file: borrowing Descriptor, stoppingAt threshold: Threshold? = nil, threads: Int? = nil
  ) -> ScorerResult {
    precondition(fcntl(file.rawValue, F_GETFL) & O_ACCMODE == O_RDONLY, "a scorer gets no right to write")
    do {
      while true {
        let (process, hello) = try ready()
        lastRequest += 1
        let request = ScorerRequest(
          id: lastRequest, limits: configuration.limits, threads: threads ?? configuration.threads,
          earlyExit: threshold)
        let start = clock.now
        guard try send(request, file, to: process) else {
          // It died while idle: no fault of this image.
          _ = terminate(patience: Self.endingPatience)
          try countFailedStart(.couldNotStart("it ended while it was idle"), tolerated: 3)
          continue
        }
        Failpoint.pass("scorer.asked")
        let outcome = try reply(to: request, from: process, by: hello.model, until: start + configuration.timeout)
        Failpoint.pass("scorer.answered")
        let duration = clock.now - start
        failedStarts = 0
        if let resident = process.residentBytes, resident - residentAtStart > configuration.growthLimit { stop() }
        return .outcome(outcome, duration: duration)
      }
    } catch {
      return .failed(error)
    }
  }

  /// Ends the child; the next use starts another.
  package func stop() {
    // The end of the connection tells it to end.
    if let process = running?.process { shutdown(process.channel.socket.rawValue, CInt(SHUT_RDWR)) }
    _ = terminate(patience: Self.endingPatience)
  }
}

extension Scorer {
  /// For a child that is ending by itself.
  private static let endingPatience: Duration = .seconds(1)

  // MARK: Starting

  private func ready() throws(ScorerFailure) -> (process: ScorerProcess, hello: ScorerHello) {
    guard wait(for: nil, until: running == nil ? earliestStart : clock.now) != .interrupted else { throw .interrupted }
    if let running { return running }
    do {
      let process = try ScorerProcess(configuration, model: model.descriptor)
      let hello = try greeting(of: process)
      Failpoint.pass("scorer.started")
      running = (process, hello)
      residentAtStart = process.residentBytes ?? 0
      loadedModel = hello.model.sha256
      earliestStart = clock.now
      return (process, hello)
    } catch {
      if error != .interrupted { try countFailedStart(error, tolerated: 0) }
      throw error
    }
  }

  /// Puts the next start off.
  ///
  /// - Parameter tolerated: failures in a row that are borne before the error is thrown.
  private func countFailedStart(_ error: ScorerFailure, tolerated: Int) throws(ScorerFailure) {
    failedStarts += 1
    let delay = Duration.milliseconds(250) * (1 << min(failedStarts - 1, 8))
    earliestStart = clock.now + min(delay, .seconds(60))
    if failedStarts > tolerated { throw error }
  }

  private func greeting(of process: ScorerProcess) throws(ScorerFailure) -> ScorerHello {
    switch wait(for: process, until: clock.now + configuration.startTimeout) {
    case .readable: break
    case .timedOut: throw .couldNotStart("it has not loaded the model within \(configuration.startTimeout)")
    case .interrupted: throw .interrupted
    }
    do {
      guard let greeting = try process.channel.receive(ScorerGreeting.self) else {
        let end = process.end(patience: Self.endingPatience)
        throw ScorerFailure.couldNotStart(
          "it \(end.exit) before it was ready" + (end.lastWords.map { ": \($0)" } ?? ""))
      }
      let hello: ScorerHello
      switch try greeting.validated() {
      case .success(let value): hello = value
      case .failure(let rejection): throw ScorerFailure.modelRejected(rejection.message)
      }
      guard loadedModel == nil || loadedModel == hello.model.sha256 else {
        throw ScorerFailure.modelRejected("the model file was changed in place; put new models beside old ones")
      }
      return hello
    } catch let error as ScorerProtocolError {
      throw .protocolViolation(error.description)
    } catch let error as ScorerFailure {
      throw error
    } catch {
      throw .couldNotStart("\(error)")
    }
  }

  // MARK: One image

  /// False if the child was dead before the request.
  private func send(
    _ request: ScorerRequest, _ file: borrowing Descriptor, to process: ScorerProcess
  ) throws(ScorerFailure) -> Bool {
    do {
      // Nobody speaks unasked.
      if wait(for: process, until: clock.now) == .readable {
        guard try process.channel.receive(ScorerReply.self) == nil else {
          throw ScorerProtocolError("a reply to no request")
        }
        return false
      }
      try Failpoint.hit("scorer.asking")
      return try process.channel.send(request, attaching: file) == .sent
    } catch let error as ScorerProtocolError {
      throw violation(error)
    } catch {
      throw violation(ScorerProtocolError("\(error)"))
    }
  }

  private func reply(
    to request: ScorerRequest, from process: ScorerProcess, by model: ScorerModel,
    until deadline: SuspendingClock.Instant
  ) throws(ScorerFailure) -> ScoringOutcome {
    switch wait(for: process, until: deadline) {
    case .readable: break
    case .timedOut:
      _ = terminate(patience: .zero)
      throw .timedOut(after: configuration.timeout)
    case .interrupted:
      _ = terminate(patience: .zero)
      throw .interrupted
    }
    let reply: ScorerReply?
    do {
      reply = try process.channel.receive(ScorerReply.self)
      if let reply { return try reply.validated(for: request, by: model) }
    } catch {
      throw violation(error)
    }
    throw death(over: process)
  }

  private func violation(_ error: ScorerProtocolError) -> ScorerFailure {
    _ = terminate(patience: .zero)
    return .protocolViolation(error.description)
  }

  /// The connection ended without a reply.
  private func death(over process: ScorerProcess) -> ScorerFailure {
    guard let end = terminate(patience: Self.endingPatience) else { return .couldNotStart("it is not running") }
    if end.wasKilled { return .protocolViolation("it closed the connection") }
    switch end.exit {
    case .signal(SIGKILL):
      // Not by us: the kernel's out-of-memory killer, in all likelihood.
      return .outOfMemory(end.exit)
    case .signal where isNearMemoryLimit(end.peakResidentBytes): return .outOfMemory(end.exit)
    default: return .crashed(end.exit, lastWords: end.lastWords)
    }
  }

  private func isNearMemoryLimit(_ bytes: Int) -> Bool {
    guard let limit = configuration.memoryLimit else { return false }
    return bytes >= limit / 4 * 3
  }

  private func terminate(patience: Duration) -> ScorerProcess.Ending? {
    defer { running = nil }
    return running?.process.end(patience: patience)
  }

  // MARK: Waiting

  private enum Event {
    case readable
    case timedOut
    case interrupted
  }

  /// Sleeps until `process` has sent something or ended, somebody interrupts, or the time has come.
  private func wait(for process: ScorerProcess?, until deadline: SuspendingClock.Instant) -> Event {
    while true {
      // poll(2) passes over negative descriptors.
      var descriptors = [
        pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: process?.channel.socket.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      let remaining = deadline - clock.now
      let count = poll(&descriptors, 2, remaining.milliseconds)
      guard count >= 0 || errno == EINTR else { fatalError("poll: \(Errno(rawValue: errno))") }
      if count < 0 { continue }
      if descriptors[0].revents != 0 { return .interrupted }
      if descriptors[1].revents != 0 { return .readable }
      if clock.now >= deadline { return .timedOut }
    }
  }
}
