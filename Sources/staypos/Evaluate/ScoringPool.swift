import Detection
import Glibc
import StayposCore
import SystemPackage
import Threading

/// A model that scores several images at once, each with one thread: many images are done sooner than one after the other
/// with all threads, which have to wait for each other at every layer.
struct ScoringPool: Sendable {
  let model: ModelInfo
  let precision: Precision
  private let detectors: [Confined]
  private let memory: MemoryBudget

  /// - Parameters:
  ///   - threads: nil: one for each processor.
  ///   - count: images to be scored; where they are fewer than the threads, each gets several.
  init(_ path: FilePath, precision: Precision, threads: Int?, count: Int) throws {
    let limit = ProcessMemory.limit
    let model = try Model(path: path)
    let threads = threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let workers = min(threads, max(count, 1))
    detectors = try (0..<workers).map { _ in
      Confined(
        detector: try Detector(model: model, precision: precision, threads: threads / workers, memoryLimit: limit))
    }
    self.model = detectors[0].detector.model
    self.precision = detectors[0].detector.precision
    // What is besides the weights, of which each detector has its own.
    let weights = detectors.reduce(0) { $0 + $1.detector.weightsSize }
    memory = MemoryBudget(limit.map { max(0, $0 - weights) })
  }

  /// Calls `body` with each number below the count, from several threads at once.
  /// - Returns: in the order of the numbers.
  /// - Throws: the first error; what is under way is finished, and nothing else begun.
  func map<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int, Worker) throws -> Value
  ) throws -> [Value] {
    let work = Monitor(Work<Value>(count: count))
    let threads = detectors.prefix(count).enumerated().map { number, detector in
      DedicatedThread(name: "scoring \(number)") {
        let worker = Worker(detector: detector.detector, memory: memory)
        while let index = work.update({ $0.next() }) {
          let result = Result { try body(index, worker) }
          work.update { $0.finish(index, result) }
        }
      }
    }
    for thread in threads { thread.join() }
    let (values, failure) = work.read { ($0.values, $0.failure) }
    if let failure { throw failure }
    return values.compactMap { $0 }
  }

  /// What one thread works with.
  struct Worker {
    let detector: Detector
    fileprivate let memory: MemoryBudget

    /// Waits until the images under way leave enough memory for one of this size; alone, any image may try.
    /// - Parameter bytesPerPixel: besides what the network takes.
    /// - Returns: what has to be given back.
    func takeMemory(for size: ImageSize, bytesPerPixel: Int) -> Int {
      // Without a plan the detector says why, as soon as it gets the image.
      let network = (try? detector.workingMemory(size)) ?? 0
      let bytes = network + size.width * size.height * bytesPerPixel
      memory.take(bytes)
      return bytes
    }

    func giveBackMemory(_ bytes: Int) { memory.giveBack(bytes) }
  }

  /// Unchecked: each detector belongs to one thread of ``map(_:_:)``, and nobody calls that twice at once.
  private struct Confined: @unchecked Sendable {
    let detector: Detector
  }

  private struct Work<Value: Sendable>: Sendable {
    var values: [Value?]
    var failure: (any Error)?
    private var position = 0

    init(count: Int) {
      values = Array(repeating: nil, count: count)
    }

    /// Nil when there is no more, or after a failure.
    mutating func next() -> Int? {
      guard position < values.count, failure == nil else { return nil }
      defer { position += 1 }
      return position
    }

    mutating func finish(_ index: Int, _ result: Result<Value, any Error>) {
      switch result {
      case .success(let value): values[index] = value
      case .failure(let error): failure = failure ?? error
      }
    }
  }
}

/// Memory that several threads share.
final class MemoryBudget: Sendable {
  private let limit: Int?
  private let taken = Monitor((bytes: 0, count: 0))

  /// - Parameter limit: in bytes; nil: none.
  init(_ limit: Int?) {
    self.limit = limit
  }

  /// Waits until there is so much, or nobody else has any.
  func take(_ bytes: Int) {
    _ = taken.wait { taken -> Void? in
      if let limit, taken.count > 0, taken.bytes + bytes > limit { return nil }
      taken.bytes += bytes
      taken.count += 1
      return ()
    }
  }

  func giveBack(_ bytes: Int) {
    taken.update { taken in
      taken.bytes -= bytes
      taken.count -= 1
    }
  }
}
