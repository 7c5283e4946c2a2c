import Datasets
import Detection
import Evaluation
import Filesystem
import ImageDecoding
import StayposCore
import SystemPackage
import Transforms

/// Scores the images of a data set, each once.
struct DatasetScoring {
  let images: [LabelledImage]
  let limits: ImageLimits
  /// Of the noise and the crops.
  let seed: UInt64
  /// Where the scores are kept; nil: nowhere.
  let directory: FilePath?

  /// The scores of this model on images in this state.
  /// - Parameter variant: part of the file's name.
  func cache(_ pool: ScoringPool, variant: String) throws -> ScoreCache {
    guard let directory else { return ScoreCache() }
    try OutputDirectory.make(directory)
    let identity = "\(pool.model.sha256)".prefix(16)
    let name = "\(pool.model.name.fileName)-\(identity)-\(pool.precision.rawValue)-\(variant).csv"
    do {
      return try ScoreCache(directory.appending(name))
    } catch let error as Errno {
      throw OutputFailure("cannot write \(directory.appending(name).escaped): \(error)")
    }
  }

  /// - Parameters:
  ///   - label: the images to score; nil: all.
  ///   - transform: nil: the images as they are.
  /// - Returns: parallel to the images; nil for those that were not to be scored.
  func score(
    _ pool: ScoringPool, only label: Label? = nil, transform: ImageTransform? = nil, _ cache: ScoreCache,
    _ progress: ProgressBar
  ) throws -> [ScoreTable.Outcome?] {
    let wanted = images.indices.filter { label == nil || images[$0].label == label }
    let found = try pool.map(wanted.count) { index, worker in
      let (outcome, wasKnown) = try score(images[wanted[index]], worker, transform, cache)
      progress.advance(isWork: !wasKnown)
      return outcome
    }
    var outcomes = [ScoreTable.Outcome?](repeating: nil, count: images.count)
    for (index, outcome) in zip(wanted, found) { outcomes[index] = outcome }
    return outcomes
  }

  private func score(
    _ image: LabelledImage, _ worker: ScoringPool.Worker, _ transform: ImageTransform?, _ cache: ScoreCache
  ) throws -> (ScoreTable.Outcome, wasKnown: Bool) {
    let identity: FileIdentity
    let logit: Double
    do throws(Refusal) {
      let file = try Candidate(opening: image.path)
      identity = file.status.identity
      if let known = cache.logit(image.name, identity) { return (.logit(known), true) }
      let outcome = try score(file, image, worker, transform)
      guard file.isUnchanged() else {
        throw Refusal(reason: .unstable, detail: "the file was changed while it was read")
      }
      switch outcome {
      case .scored(let score, _): logit = score.logit
      case .notScored(let reason, let detail): throw Refusal(reason: reason, detail: detail)
      }
    } catch {
      return (.notScored(error.reason, detail: error.detail), false)
    }
    do {
      try cache.add(image.name, identity, logit: logit)
    } catch {
      throw OutputFailure("cannot keep the score of \(image.name.escaped): \(error)")
    }
    return (.logit(logit), false)
  }

  /// Of a low-pass's planes, the largest that any transformation has.
  private static let bytesPerTransformedPixel = 48

  private func score(
    _ file: borrowing Candidate, _ image: LabelledImage, _ worker: ScoringPool.Worker, _ transform: ImageTransform?
  ) throws(Refusal) -> ScoringOutcome {
    do {
      var reader = try ImageReader(descriptor: file.descriptor.rawValue, limits: limits)
      let room = worker.takeMemory(
        for: transform?.largerSize(of: reader.size) ?? reader.size,
        bytesPerPixel: transform == nil ? nil : Self.bytesPerTransformedPixel)
      defer { worker.giveBackMemory(room) }
      guard let transform else { return try worker.detector.score(&reader) }
      let decoded = try RGBImage(readingAll: &reader, limits: limits)
      var generator = SplitMix64(seed: seed, name: image.name.bytes)
      return try worker.detector.score(transform.applied(to: decoded, using: &generator))
    } catch let error as DecodingFailure {
      throw Refusal(reason: error.reason, detail: error.detail)
    } catch let error as EncodingFailure {
      throw Refusal(reason: .unsupportedFormat, detail: error.detail)
    } catch {
      throw Refusal(reason: .noModel, detail: "\(error)")
    }
  }
}

extension String {
  /// Letters, digits, points and hyphens alone: the name of a file, whatever the text is.
  var fileName: String {
    let characters = unicodeScalars.map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "_": Character(scalar)
      default: "-"
      }
    }
    let name = String(characters.prefix(80))
    return name.hasPrefix(".") || name.isEmpty ? "_\(name)" : name
  }
}
