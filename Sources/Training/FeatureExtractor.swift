import Detection
import Glibc
import Hashing
import ImageDecoding
import StayposCore
import SystemPackage
import Threading

/// Brings the pooled features of images into a cache, several images at a time with one thread each. Whole images, neither
/// cropped nor resized, as the detector sees them. What the cache has already is not computed again: a run that was
/// interrupted goes on where it was.
package struct FeatureExtractor {
  /// One image's way.
  package enum Outcome: Sendable, Equatable {
    /// Row in the cache.
    case row(Int)
    case notScored(NotScoredReason, detail: String)
  }

  package struct Progress: Sendable {
    package var done: Int
    package var total: Int
    /// Of those done, the ones that were in the cache.
    package var known: Int
    package var notScored: Int
  }

  private let model: Model
  private let precision: Precision
  private let workers: Int
  private let limits: ImageLimits

  /// - Parameter workers: images at a time.
  package init(model: Model, precision: Precision, workers: Int, limits: ImageLimits) {
    (self.model, self.precision, self.workers, self.limits) = (model, precision, max(1, workers), limits)
  }

  /// - Parameter observe: called after each image, by one thread at a time.
  /// - Returns: parallel to the paths.
  /// - Throws: ``DetectionError``, ``FeatureCacheError``.
  package func extract(
    _ paths: [FilePath], into cache: FeatureCache, observe: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> [Outcome] {
    // The cache is used under the monitor's lock alone.
    let work = Work(cache: cache, count: paths.count)
    let state = Monitor(work)
    let threads = try (0..<min(workers, max(paths.count, 1))).map { index in
      let detector = Confined(try Detector(model: model, precision: precision, threads: 1))
      return DedicatedThread(name: "features \(index)") {
        while let index = state.update({ $0.next() }) {
          let result = Result { try outcome(of: paths[index], by: detector.value, state) }
          state.update { work in
            work.finish(index, result)
            observe(work.progress)
          }
        }
      }
    }
    for thread in threads { thread.join() }
    let (outcomes, failure) = state.read { ($0.outcomes, $0.failure) }
    if let failure { throw failure }
    return outcomes.compactMap { $0 }
  }

  private func outcome(of path: FilePath, by detector: Detector, _ state: Monitor<Work>) throws -> Outcome {
    let file: FileDescriptor
    do throws(Errno) {
      file = try Self.open(path)
    } catch {
      return .notScored(error == .noSuchFileOrDirectory ? .vanished : .ioError, detail: "\(error)")
    }
    defer { try? file.close() }
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return .notScored(.unsupportedFormat, detail: "not a regular file")
    }
    guard status.st_size <= limits.bytes else { return .notScored(.tooLarge, detail: "\(status.st_size) bytes") }
    let digest: SHA256Digest
    do {
      digest = try SHA256Digest(contentsOf: file.rawValue)
    } catch {
      return .notScored(.ioError, detail: "\(error)")
    }
    if let row = state.read({ $0.cache.value.row(of: digest) }) {
      state.update { $0.progress.known += 1 }
      return .row(row)
    }
    var reader: ImageReader
    do throws(DecodingFailure) {
      reader = try ImageReader(descriptor: file.rawValue, limits: limits)
    } catch {
      return .notScored(error.reason, detail: error.detail)
    }
    let size = reader.size
    let (outcome, features) = try detector.pooledFeatures(of: &reader)
    if case .notScored(let reason, let detail) = outcome { return .notScored(reason, detail: detail) }
    let row = try state.update { work throws in
      try work.cache.value.append(features.map { Float($0) }, of: digest, size: size)
    }
    return .row(row)
  }

  /// Follows symbolic links and waits for no FIFO.
  private static func open(_ path: FilePath) throws(Errno) -> FileDescriptor {
    let descriptor = path.withPlatformString { Glibc.open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return FileDescriptor(rawValue: descriptor)
  }
}

/// What the workers share.
private struct Work: Sendable {
  let cache: Confined<FeatureCache>
  var outcomes: [FeatureExtractor.Outcome?]
  var progress: FeatureExtractor.Progress
  var failure: (any Error)?
  private var position = 0

  init(cache: FeatureCache, count: Int) {
    self.cache = Confined(cache)
    outcomes = Array(repeating: nil, count: count)
    progress = FeatureExtractor.Progress(done: 0, total: count, known: 0, notScored: 0)
  }

  /// The next image; nil when there is none, or after a failure.
  mutating func next() -> Int? {
    guard position < outcomes.count, failure == nil else { return nil }
    defer { position += 1 }
    return position
  }

  mutating func finish(_ index: Int, _ result: Result<FeatureExtractor.Outcome, any Error>) {
    switch result {
    case .success(let outcome):
      outcomes[index] = outcome
      progress.done += 1
      if case .notScored = outcome { progress.notScored += 1 }
    case .failure(let error): failure = failure ?? error
    }
  }
}

/// Something that one thread at a time uses.
///
/// Unchecked: each detector belongs to one worker, and the cache is used under the monitor's lock alone.
private struct Confined<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) {
    self.value = value
  }
}
