import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage

/// A model that is ready to score images.
///
/// Confined: one image at a time, all processors on it. Whoever wants several at once makes several, with fewer threads.
package final class Detector {
  package let model: ModelInfo
  private let network: Network
  private let head: Head
  private let normalization: PixelNormalization
  private let memoryLimit: Int?

  /// - Parameters:
  ///   - threads: nil: one per processor.
  ///   - memoryLimit: bytes of working memory for one image, besides the weights; nil: no limit.
  package init(model: consuming Model, threads: Int? = nil, memoryLimit: Int? = nil) throws(DetectionError) {
    let parameters = model.parameters
    do {
      network = try Network(model.graph, threads: threads) { parameters[$0] }
    } catch let error as NetworkError {
      throw DetectionError(.network, "cannot set up the network: \(error)", network: error)
    } catch {
      throw DetectionError(.network, "cannot set up the network: \(error)")
    }
    self.model = model.info
    head = model.head
    normalization = model.info.preprocessing.normalization
    self.memoryLimit = memoryLimit
  }

  /// Follows symbolic links.
  package static func load(
    _ path: FilePath, threads: Int? = nil, memoryLimit: Int? = nil
  ) throws(DetectionError) -> Detector {
    try Detector(model: Model(path: path), threads: threads, memoryLimit: memoryLimit)
  }

  /// - Parameter descriptor: open for reading; borrowed, and may be closed afterwards.
  package static func load(
    descriptor: CInt, threads: Int? = nil, memoryLimit: Int? = nil
  ) throws(DetectionError) -> Detector {
    try Detector(model: Model(descriptor: descriptor), threads: threads, memoryLimit: memoryLimit)
  }

  /// The whole image, no crop, no resize.
  package func score(_ image: RGBImage) throws(DetectionError) -> ScoringOutcome {
    try run(image, mapped: false).outcome
  }

  /// The score, and where it comes from; no map if the image was not scored.
  package func explain(_ image: RGBImage) throws(DetectionError) -> (outcome: ScoringOutcome, map: EvidenceMap?) {
    try run(image, mapped: true)
  }

  /// Bytes of working memory that an image of this size takes, besides the weights.
  package func workingMemory(_ size: ImageSize) throws(DetectionError) -> Int {
    do throws(NetworkError) {
      return try network.workingMemory(width: size.width, height: size.height)
    } catch {
      throw DetectionError(.network, "cannot plan an image of \(size.width)×\(size.height): \(error)", network: error)
    }
  }

  private func run(_ image: RGBImage, mapped: Bool) throws(DetectionError) -> (
    outcome: ScoringOutcome, map: EvidenceMap?
  ) {
    let size = image.size
    guard min(size.width, size.height) >= model.minimumSize else {
      let detail =
        "\(size.width)×\(size.height) pixels: the model needs at least \(model.minimumSize)×\(model.minimumSize)"
      return (.notScored(.tooSmall, detail: detail), nil)
    }
    let features: Features
    do throws(NetworkError) {
      features = try network.features(
        of: image.pixels, width: size.width, height: size.height, normalization: normalization,
        projectedOn: mapped ? head.weights : nil, memoryLimit: memoryLimit)
    } catch {
      switch error.code {
      case .imageTooSmall: return (.notScored(.tooSmall, detail: error.message), nil)
      case .outOfMemory: return (.notScored(.outOfMemory, detail: error.message), nil)
      case .badParameters, .library:
        throw DetectionError(
          .network, "the network failed on an image of \(size.width)×\(size.height): \(error)", network: error)
      }
    }
    let score = head.score(features.means)
    guard score.logit.isFinite else {
      throw DetectionError(.badValues, "the model gives no finite score for an image of \(size.width)×\(size.height)")
    }
    let map = features.projection.map { EvidenceMap(width: features.width, height: features.height, values: $0) }
    return (.scored(score, size: size), map)
  }
}
