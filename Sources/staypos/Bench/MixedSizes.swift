import Detection
import Glibc
import StayposCore

/// What it costs that images are of ever other sizes: compiling the network's kernels for them.
struct MixedSizes: Encodable {
  var model: String
  var precision: Precision
  var threads: Int
  var sizes: Int
  /// Until the model could score.
  var loadSeconds: Double
  /// Until it had scored the first image.
  var firstScoreSeconds: Double
  /// What the first size cost beyond scoring it once more.
  var firstCostSeconds: Double
  /// Mean of the last tenth of the sizes, and the largest of them.
  var lastCostSeconds: Double
  var lastLargestCostSeconds: Double
  /// Mean for the same sizes once more.
  var lastScoreSeconds: Double
  var peakBytes: Int?

  /// Pixels a side.
  private static let sides = 64.0...2_048.0

  /// Scores each of that many different sizes three times; the first of them compiles.
  /// - Parameter load: called once, and timed.
  init(_ count: Int, load: () throws -> Detector) throws {
    let clock = ContinuousClock()
    let start = clock.now
    func seconds(since start: ContinuousClock.Instant) -> Double { (clock.now - start) / .seconds(1) }
    let detector = try load()
    loadSeconds = seconds(since: start)
    var firstScoreSeconds: Double?
    var measured: [(cost: Double, again: Double)] = []
    for size in Self.randomSizes(count) {
      let times = try (0..<3).map { _ in
        let start = clock.now
        var image = NoiseImage(size)
        if case .notScored(let reason, let detail) = try detector.score(&image) {
          throw Failure("\(size.width)×\(size.height): \(reason.rawValue): \(detail)")
        }
        return seconds(since: start)
      }
      firstScoreSeconds = firstScoreSeconds ?? seconds(since: start) - times[1] - times[2]
      let again = min(times[1], times[2])
      measured.append((times[0] - again, again))
    }
    let last = measured.suffix(max(1, count / 10))
    model = detector.model.name
    precision = detector.precision
    (threads, sizes) = (detector.threads, count)
    self.firstScoreSeconds = firstScoreSeconds ?? 0
    firstCostSeconds = measured.first?.cost ?? 0
    lastCostSeconds = last.map(\.cost).reduce(0, +) / Double(last.count)
    lastLargestCostSeconds = last.map(\.cost).max() ?? 0
    lastScoreSeconds = last.map(\.again).reduce(0, +) / Double(last.count)
    peakBytes = ProcessMemory.peak
  }

  /// Different ones, always the same; as many between 64 and 128 pixels a side as between 1,024 and 2,048.
  private static func randomSizes(_ count: Int) -> [ImageSize] {
    var state: UInt64 = 1
    func side() -> Int {
      // Knuth's MMIX generator; its upper bits.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let fraction = Double(state >> 11) * 0x1p-53
      return Int(sides.lowerBound * pow(sides.upperBound / sides.lowerBound, fraction))
    }
    var seen: Set<Int> = []
    var sizes: [ImageSize] = []
    while sizes.count < count {
      let (width, height) = (side(), side())
      if seen.insert(width << 16 | height).inserted { sizes.append(ImageSize(width: width, height: height)) }
    }
    return sizes
  }

  var line: String {
    func milliseconds(_ seconds: Double) -> String { "\((seconds * 1000).fixed(1)) ms" }
    let peak = peakBytes.map { "\(($0 + 1 << 19) >> 20) MiB at most" } ?? "memory unknown"
    return "\(model)  \(precision.rawValue)  \(sizes) sizes  \(threads) thread\(threads == 1 ? "" : "s"): "
      + "model ready after \(milliseconds(loadSeconds)), first score after \(milliseconds(firstScoreSeconds)); a new size "
      + "costs \(milliseconds(firstCostSeconds)) at first and \(milliseconds(lastCostSeconds)) in the end (mean of "
      + "\(max(1, sizes / 10)), largest \(milliseconds(lastLargestCostSeconds))), where scoring takes "
      + "\(milliseconds(lastScoreSeconds)); \(peak)"
  }
}
