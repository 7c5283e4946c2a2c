import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage

/// A model that is ready to score images.
///
/// Confined: one image at a time, on ``threads`` processors. Whoever wants several at once makes several.
package final class Detector {
  package let model: ModelInfo
  /// The one that is in force: never `auto`. The last feature map and all sums over it are fp32 or wider.
  package let precision: Precision
  let hasNonNegativeFeatures: Bool
  private let network: Network
  private let head: Head
  private let normalization: PixelNormalization
  /// Bytes of weights and working memory for one image; nil: no limit.
  package var memoryLimit: Int?

  /// - Parameters:
  ///   - precision: `auto` depends on the processor, and so do the last digits of a score then.
  ///   - threads: nil: one per processor.
  ///   - memoryLimit: bytes of weights and working memory for one image; nil: no limit.
  ///   - streaming: row by row; else every layer all at once, for comparison.
  package convenience init(
    model: consuming Model, precision: Precision = .fp32, threads: Int? = nil, memoryLimit: Int? = nil,
    streaming: Bool = true
  ) throws(DetectionError) {
    let arithmetic = try precision.arithmetic(model.calibration)
    let parameters = model.parameters
    let network: Network
    do {
      network = try Network(model.graph, arithmetic, threads: threads, streaming: streaming) { parameters[$0] }
    } catch let error as NetworkError {
      throw DetectionError(.network, "cannot set up the network: \(error)", network: error)
    } catch {
      throw DetectionError(.network, "cannot set up the network: \(error)")
    }
    self.init(model: model, network, memoryLimit: memoryLimit)
  }

  /// - Parameter network: the model's.
  init(model: consuming Model, _ network: Network, memoryLimit: Int?) {
    self.model = model.info
    self.network = network
    precision = Precision(network.arithmetic)
    hasNonNegativeFeatures = model.graph.isOutputNonNegative
    head = model.head
    normalization = model.info.preprocessing.normalization
    self.memoryLimit = memoryLimit
  }

  /// Follows symbolic links.
  package static func load(
    _ path: FilePath, precision: Precision = .fp32, threads: Int? = nil, memoryLimit: Int? = nil,
    streaming: Bool = true
  ) throws(DetectionError) -> Detector {
    try Detector(
      model: Model(path: path), precision: precision, threads: threads, memoryLimit: memoryLimit, streaming: streaming)
  }

  /// - Parameter descriptor: open for reading; borrowed, and may be closed afterwards.
  package static func load(
    descriptor: CInt, precision: Precision = .fp32, threads: Int? = nil, memoryLimit: Int? = nil,
    streaming: Bool = true
  ) throws(DetectionError) -> Detector {
    try Detector(
      model: Model(descriptor: descriptor), precision: precision, threads: threads, memoryLimit: memoryLimit,
      streaming: streaming)
  }

  /// The whole image, no crop, no resize. Rows are scored as they come: memory grows with the width of the image only,
  /// except for what the source itself needs (``ImageReader``).
  /// - Parameter source: at its first row; at its last one afterwards, unless the image is not scored.
  package func score<Source: PixelSource & ~Copyable>(
    _ source: inout Source
  ) throws(DetectionError) -> ScoringOutcome {
    try run(&source, for: .score).outcome
  }

  /// The same for an image that is in memory already.
  package func score(_ image: RGBImage) throws(DetectionError) -> ScoringOutcome {
    var rows = RGBImageRows(image)
    return try run(&rows, for: .score).outcome
  }

  /// The score, and where it comes from; no map if the image was not scored.
  package func explain<Source: PixelSource & ~Copyable>(
    _ source: inout Source
  ) throws(DetectionError) -> (outcome: ScoringOutcome, map: EvidenceMap?) {
    let scan = try run(&source, for: .map)
    return (scan.outcome, scan.map)
  }

  /// The same for an image that is in memory already.
  package func explain(_ image: RGBImage) throws(DetectionError) -> (outcome: ScoringOutcome, map: EvidenceMap?) {
    var rows = RGBImageRows(image)
    return try explain(&rows)
  }

  /// What the head adds up: the means of the last feature map, one for each channel; empty if the image was not scored.
  package func pooledFeatures<Source: PixelSource & ~Copyable>(
    of source: inout Source
  ) throws(DetectionError) -> (outcome: ScoringOutcome, features: [Double]) {
    let scan = try run(&source, for: .score)
    return (scan.outcome, scan.means)
  }

  /// Threads of every image that begins from now on; at least 1. Changing it is cheap, but for what has to be compiled the
  /// first time.
  package var threads: Int {
    get { network.threads }
    set { network.threads = newValue }
  }

  /// Bytes of the network's weights, as they lie in memory.
  package var weightsSize: Int { network.weightsSize }

  /// Bytes of working memory that an image of this size takes, besides the weights: beyond some height, no more for more
  /// rows, but for what the height of the last bands has to be compiled for.
  /// - Throws: `network` if that is more than the limit, too.
  package func workingMemory(_ size: ImageSize) throws(DetectionError) -> Int {
    do throws(NetworkError) {
      return try network.workingMemory(width: size.width, height: size.height, memoryLimit: memoryLimit)
    } catch {
      throw DetectionError(.network, "cannot plan an image of \(size.width)×\(size.height): \(error)", network: error)
    }
  }

  /// Whether the memory limit suffices for an image of this size.
  package func fits(_ size: ImageSize) -> Bool {
    memoryLimit == nil || (try? workingMemory(size)) != nil
  }

  /// Multiplications and additions for an image of this size, and how many a second the processor attains, as the fastest
  /// layer shows that is called alone. Takes some seconds.
  package func work(_ size: ImageSize) throws(DetectionError) -> (operations: Double, attainableRate: Double) {
    do throws(NetworkError) {
      return (
        network.operationCount(width: size.width, height: size.height),
        try network.attainableRate(width: size.width, height: size.height)
      )
    } catch {
      throw DetectionError(.network, "cannot measure the layers: \(error)", network: error)
    }
  }

  /// What a run gives besides a score.
  enum Purpose {
    case score
    case map
    /// The verdict: the run stops when it is certain that the image will be flagged.
    case verdict(Threshold)
    /// What the network's feature maps hold; fp32 only.
    case statistics(FeatureStatistics)
  }

  /// - Returns: `means`: of the features; `rows`: of the image that went through the network.
  func run<Source: PixelSource & ~Copyable>(
    _ source: inout Source, for purpose: Purpose
  ) throws(DetectionError) -> (outcome: ScoringOutcome, map: EvidenceMap?, means: [Double], rows: Int) {
    let size = source.size
    guard min(size.width, size.height) >= model.minimumSize else {
      let detail =
        "\(size.width)×\(size.height) pixels: the model needs at least \(model.minimumSize)×\(model.minimumSize)"
      return (.notScored(.tooSmall, detail: detail), nil, [], 0)
    }
    let features: Features
    let rows: Int
    do throws(Interruption) {
      (features, rows) = try self.features(of: &source, for: purpose)
    } catch {
      return (try outcome(of: error, size), nil, [], 0)
    }
    var score = head.score(features.means)
    score.isLowerBound = rows < size.height
    guard score.logit.isFinite else {
      throw DetectionError(.badValues, "the model gives no finite score for an image of \(size.width)×\(size.height)")
    }
    let map = features.projection.map { EvidenceMap(width: features.width, height: features.height, values: $0) }
    return (.scored(score, size: size), map, features.means, rows)
  }

  /// Rows go from the source into the network, a band at a time.
  private func features<Source: PixelSource & ~Copyable>(
    of source: inout Source, for purpose: Purpose
  ) throws(Interruption) -> (features: Features, rows: Int) {
    let scan = try begin(source.size, for: purpose)
    let rowLength = 3 * source.size.width
    var pixels = [UInt8](repeating: 0, count: scan.bandRows * rowLength)
    while scan.missingRows > 0 {
      let rows = try read(scan.bandRows, from: &source, into: &pixels)
      do throws(NetworkError) {
        try scan.append(pixels.span.extracting(first: rows * rowLength))
      } catch {
        throw .network(error)
      }
      guard case .verdict(let threshold) = purpose, scan.missingRows > 0 else { continue }
      let bounds = scan.bounds
      var bound = head.score(bounds.means)
      bound.isLowerBound = true
      if threshold.isDecided(by: bound) {
        var rest = scan.missingRows
        while rest > 0 { rest -= try read(scan.bandRows, from: &source, into: &pixels) }
        return (bounds, source.size.height - scan.missingRows)
      }
    }
    return (scan.finish(), source.size.height)
  }

  private func read<Source: PixelSource & ~Copyable>(
    _ rows: Int, from source: inout Source, into pixels: inout [UInt8]
  ) throws(Interruption) -> Int {
    do throws(DecodingFailure) {
      var room = pixels.mutableSpan
      return try source.read(rows: rows, into: &room)
    } catch {
      throw .decoding(error)
    }
  }

  private func begin(_ size: ImageSize, for purpose: Purpose) throws(Interruption) -> FeatureScan {
    var weights: [Double]?
    var statistics: FeatureStatistics?
    switch purpose {
    case .score, .verdict: break
    case .map: weights = head.weights
    case .statistics(let wanted): statistics = wanted
    }
    do throws(NetworkError) {
      return try network.scan(
        width: size.width, height: size.height, normalization: normalization, projectedOn: weights,
        observing: statistics, memoryLimit: memoryLimit)
    } catch {
      throw .network(error)
    }
  }

  private func outcome(of interruption: Interruption, _ size: ImageSize) throws(DetectionError) -> ScoringOutcome {
    switch interruption {
    case .decoding(let failure): return .notScored(failure.reason, detail: failure.detail)
    case .network(let error):
      switch error.code {
      case .imageTooSmall: return .notScored(.tooSmall, detail: error.message)
      case .outOfMemory: return .notScored(.outOfMemory, detail: error.message)
      case .badParameters, .unsupported, .library:
        throw DetectionError(
          .network, "the network failed on an image of \(size.width)×\(size.height): \(error)", network: error)
      }
    }
  }
}

/// Why an image did not get through the network.
private enum Interruption: Error {
  case decoding(DecodingFailure)
  case network(NetworkError)
}
