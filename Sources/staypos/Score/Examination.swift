import Detection
import Filesystem
import Hashing
import ImageDecoding
import StayposCore
import SystemPackage

/// One file through decoder and network.
struct Examination {
  var path: FilePath
  var verdict: Verdict
  /// Why it was not scored, for people.
  var detail: String?
  var score: Score?
  var size: ImageSize?
  var sha256: SHA256Digest?
  var map: EvidenceMap?
  var image: RGBImage?
  /// Rows that went through the network.
  var scannedRows: Int?
  /// From the opening of the file to the verdict.
  var duration = Duration.zero

  init(refusing path: FilePath, _ refusal: Refusal) {
    self.path = path
    verdict = .notScored(refusal.reason)
    detail = refusal.detail
  }

  /// Opens the file once; hash and pixels come from the same descriptor.
  /// - Parameters:
  ///   - mapped: keep image and evidence map.
  ///   - earlyExit: stop when the image is certain to be flagged; not together with a map.
  init(
    of path: FilePath, by worker: ScoringPool.Worker, threshold: Threshold, limits: ImageLimits, mapped: Bool = false,
    earlyExit: Bool = false
  ) {
    let clock = ContinuousClock()
    let start = clock.now
    self.init(refusing: path, Refusal(reason: .ioError, detail: ""))
    do throws(Refusal) {
      let file = try Candidate(opening: path)
      try examine(file, worker, threshold, limits, mapped: mapped, earlyExit: earlyExit)
    } catch {
      verdict = .notScored(error.reason)
      detail = error.detail
      score = nil
      scannedRows = nil
      map = nil
      image = nil
    }
    duration = clock.now - start
  }

  private mutating func examine(
    _ file: borrowing Candidate, _ worker: ScoringPool.Worker, _ threshold: Threshold, _ limits: ImageLimits,
    mapped: Bool,
    earlyExit: Bool
  ) throws(Refusal) {
    let descriptor = file.descriptor.rawValue
    // A file beyond the limit is refused by its size: no need to read all of it.
    if file.status.identity.size <= Int64(limits.bytes) {
      do throws(Errno) {
        sha256 = try SHA256Digest(contentsOf: descriptor)
      } catch {
        throw Refusal(error)
      }
    }
    let outcome =
      mapped
      ? try explain(descriptor, worker.detector, limits)
      : try score(descriptor, worker, limits, stoppingAt: earlyExit ? threshold : nil)
    guard file.isUnchanged() else {
      throw Refusal(reason: .unstable, detail: "the file was changed while it was read")
    }
    switch outcome {
    case .notScored(let reason, let detail): throw Refusal(reason: reason, detail: detail)
    case .scored(let score, _):
      self.score = score
      verdict = threshold.verdict(on: score)
      detail = nil
    }
  }

  private mutating func score(
    _ descriptor: CInt, _ worker: ScoringPool.Worker, _ limits: ImageLimits, stoppingAt threshold: Threshold?
  ) throws(Refusal) -> ScoringOutcome {
    var reader: ImageReader
    do throws(DecodingFailure) {
      reader = try ImageReader(descriptor: descriptor, limits: limits)
    } catch {
      throw Refusal(reason: error.reason, detail: error.detail)
    }
    size = reader.size
    let room = worker.takeMemory(for: reader.size)
    defer { worker.giveBackMemory(room) }
    do throws(DetectionError) {
      guard let threshold else {
        scannedRows = reader.size.height
        return try worker.detector.score(&reader)
      }
      let scan = try worker.detector.score(&reader, stoppingAt: threshold)
      scannedRows = scan.scannedRows
      return scan.outcome
    } catch {
      throw Refusal(reason: .noModel, detail: error.message)
    }
  }

  /// The picture of the evidence needs the pixels too.
  private mutating func explain(
    _ descriptor: CInt, _ detector: Detector, _ limits: ImageLimits
  ) throws(Refusal) -> ScoringOutcome {
    let decoded: RGBImage
    do throws(DecodingFailure) {
      decoded = try RGBImage.decode(descriptor: descriptor, limits: limits)
    } catch {
      throw Refusal(reason: error.reason, detail: error.detail)
    }
    (size, image) = (decoded.size, decoded)
    do throws(DetectionError) {
      let (outcome, map) = try detector.explain(decoded)
      self.map = map
      scannedRows = decoded.size.height
      return outcome
    } catch {
      throw Refusal(reason: .noModel, detail: error.message)
    }
  }
}
