import Detection
import StayposCore

/// One size, measured.
struct BenchResult: Encodable {
  var model: String
  var precision: Precision
  var width: Int
  var height: Int
  var threads: Int
  /// Row by row; else every layer all at once.
  var streaming: Bool
  /// The run that compiles the kernels; not part of the others.
  var firstSeconds: Double
  var medianSeconds: Double
  var minimumSeconds: Double
  var repeats: Int
  var megapixelsPerSecond: Double
  var peakBytes: Int?
  /// Rows that went through the network: all, unless it stopped early.
  var scannedRows: Int
  /// At least this if not all rows were scanned.
  var logit: Double
  /// Multiplications and additions for the image.
  var operations: Double?
  /// Of the fastest layer alone, per second.
  var attainableRate: Double?

  /// - Parameter times: at least one.
  init(
    model: ModelInfo, precision: Precision, size: ImageSize, threads: Int, streaming: Bool, first: Double,
    times: [Double], peakBytes: Int?, work: (operations: Double, attainableRate: Double)?, scannedRows: Int,
    logit: Double
  ) {
    let sorted = times.sorted()
    self.model = model.name
    self.precision = precision
    width = size.width
    height = size.height
    (self.threads, self.streaming) = (threads, streaming)
    firstSeconds = first
    medianSeconds = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    minimumSeconds = sorted[0]
    repeats = sorted.count
    megapixelsPerSecond = Double(size.width * size.height) / 1e6 / medianSeconds
    self.peakBytes = peakBytes
    operations = work?.operations
    attainableRate = work?.attainableRate
    self.scannedRows = scannedRows
    self.logit = logit
  }

  /// Of the attainable rate.
  private var share: String? {
    guard let operations, let attainableRate, attainableRate > 0 else { return nil }
    let percent = 100 * operations / medianSeconds / attainableRate
    return ", \(percent.fixed(0)) % of the \((attainableRate / 1e9).fixed(0)) GFLOP/s of its fastest layer"
  }

  var line: String {
    let peak = peakBytes.map { "\(($0 + 1 << 19) >> 20) MiB at most" } ?? "memory unknown"
    return
      "\(model)  \(precision.rawValue)  \(width)x\(height)  \(threads) thread\(threads == 1 ? "" : "s")\(streaming ? "" : ", whole"): "
      + "\(megapixelsPerSecond.fixed(3)) MP/s, \((medianSeconds * 1000).fixed(1)) ms (median of \(repeats), fastest "
      + "\((minimumSeconds * 1000).fixed(1)) ms, first \((firstSeconds * 1000).fixed(1)) ms), \(peak)"
      + (share ?? "") + (scannedRows < height ? ", \(scannedRows) of \(height) rows scanned" : "")
  }
}
