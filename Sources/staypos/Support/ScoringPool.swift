import Detection
import Glibc
import StayposCore
import SystemPackage
import Threading

/// A model that scores several images at once, each with one thread: many images are done sooner than one after the other
/// with all threads, which have to wait for each other at every layer. Fewer images than threads get several each.
struct ScoringPool: Sendable {
  let model: ModelInfo
  let precision: Precision
  private let detectors: [Confined]
  private let memory: MemoryBudget
  private let threads: Int

  /// For each thread, so that one slow image does not keep the others from work.
  private static let queuedImages = 64

  /// - Parameters:
  ///   - threads: nil: one for each processor.
  ///   - count: images to be scored, if that is known; where they are fewer than the threads, each gets several.
  init(_ path: FilePath, precision: Precision, threads: Int?, count: Int? = nil) throws(DetectionError) {
    let limit = ProcessMemory.limit
    let model = try Model(path: path)
    let threads = threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    var workers = min(threads, max(count ?? threads, 1))
    func detector() throws(DetectionError) -> Confined {
      Confined(detector: try Detector(model: model, precision: precision, threads: 1, memoryLimit: limit))
    }
    var detectors = [try detector()]
    let weights = detectors[0].detector.weightsSize
    // Each has weights of its own: a quarter of the memory may go into them.
    if let limit { workers = min(workers, max(1, limit / 4 / max(weights, 1))) }
    while detectors.count < workers { detectors.append(try detector()) }
    // That of one image, beside the others' weights.
    if let limit { for each in detectors { each.detector.memoryLimit = max(0, limit - (workers - 1) * weights) } }
    self.model = detectors[0].detector.model
    self.precision = detectors[0].detector.precision
    self.detectors = detectors
    self.threads = threads
    memory = MemoryBudget(limit.map { max(0, $0 - workers * weights) })
  }

  /// Whether ``Detector/score(_:stoppingAt:)`` may stop early.
  var canExitEarly: Bool { detectors[0].detector.canExitEarly }

  /// Calls `body` with each number below the count, from several threads at once.
  /// - Returns: in the order of the numbers.
  /// - Throws: the first error; what is under way is finished, and nothing else begun.
  func map<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int, Worker) throws -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    try stream(from: { found in for index in 0..<count { try found(index) } }, body) { values.append($0) }
    return values
  }

  /// Calls `body` with each item that `source` finds, from several threads at once, and `deliver` with what it gives: in
  /// the order of the items, on the caller's thread, when the next item is found or there is none any more.
  /// - Parameter source: calls its argument with each item; waits in there when the work lags behind.
  /// - Throws: the first error of any of them; what is under way is finished, and nothing else begun.
  func stream<Item: Sendable, Value: Sendable>(
    from source: @escaping (_ found: (Item) throws -> Void) throws -> Void,
    _ body: @escaping @Sendable (Item, Worker) throws -> Value, deliver: (Value) throws -> Void
  ) throws {
    let work = Monitor(OrderedWork<Item, Value>(capacity: detectors.count * Self.queuedImages))
    let workers = detectors.map { detector in
      DedicatedThread(name: "scoring") {
        let worker = Worker(detector.detector, memory: memory)
        while let next = work.wait(until: { $0.next() }), case .item(let number, let item, let isAlone) = next {
          worker.detector.threads = isAlone ? threads : max(1, threads / detectors.count)
          let result = Result { try body(item, worker) }
          work.update { $0.finish(number, result) }
        }
      }
    }
    defer {
      work.update { $0.stop() }
      for worker in workers { worker.join() }
    }
    try source { item in
      while let value = work.wait(until: { $0.takeOrGoOn() }), case .value(let result) = value {
        try deliver(result.get())
      }
      work.update { $0.add(item) }
    }
    work.update { $0.isComplete = true }
    while let value = work.wait(until: { $0.takeLast() }), case .value(let result) = value {
      try deliver(result.get())
    }
  }

  /// What one thread works with.
  struct Worker {
    let detector: Detector
    private let memory: MemoryBudget

    /// Of a progressive JPEG's coefficients.
    private static let decodingBytesPerPixel = 6

    init(_ detector: Detector, memory: MemoryBudget = MemoryBudget(nil)) {
      (self.detector, self.memory) = (detector, memory)
    }

    /// Waits until the images under way leave enough memory for one of this size; alone, any image may try.
    /// - Parameter bytesPerPixel: besides what the network takes; nil: for an image that is scored as it is decoded.
    /// - Returns: what has to be given back.
    func takeMemory(for size: ImageSize, bytesPerPixel: Int? = nil) -> Int {
      // Without a plan the detector says why, as soon as it gets the image.
      let network = (try? detector.workingMemory(size)) ?? 0
      let bytes = network + size.width * size.height * (bytesPerPixel ?? Self.decodingBytesPerPixel)
      memory.take(bytes)
      return bytes
    }

    func giveBackMemory(_ bytes: Int) { memory.giveBack(bytes) }
  }

  /// Unchecked: each detector belongs to one thread of ``stream(from:_:deliver:)``, and nobody calls that twice at once.
  private struct Confined: @unchecked Sendable {
    let detector: Detector
  }
}
