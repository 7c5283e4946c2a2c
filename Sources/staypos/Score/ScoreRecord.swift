import Detection
import FoundationEssentials
import StayposCore

/// What `--json` says of one file. Every key is always there, except `pathBase64`: it comes only with a path that is
/// not UTF-8.
struct ScoreRecord: Encodable {
  var path: String
  var pathBase64: String?
  var verdict: Verdict.Name
  var reason: NotScoredReason?
  var detail: String?
  var probability: Double?
  var logit: Double?
  var realScore: Double?
  var fakeScore: Double?
  var bias: Double?
  /// With `--early-exit`: probability, logit and fake score are at least these.
  var lowerBound: Bool
  var threshold: Double
  var width: Int?
  var height: Int?
  /// Rows that went through the network.
  var scannedRows: Int?
  var sha256: SHA256Digest?
  /// SHA-256 of the model file.
  var model: SHA256Digest
  /// Of the network: never `auto`.
  var precision: Precision
  var seconds: Double

  init(_ examination: Examination, threshold: Threshold, model: SHA256Digest, precision: Precision) {
    (path, pathBase64) = examination.path.json
    verdict = examination.verdict.name
    reason = examination.verdict.reason
    detail = examination.detail
    probability = examination.score?.probability
    logit = examination.score?.logit
    realScore = examination.score?.realScore
    fakeScore = examination.score?.fakeScore
    bias = examination.score?.bias
    lowerBound = examination.score?.isLowerBound ?? false
    self.threshold = threshold.value
    width = examination.size?.width
    height = examination.size?.height
    scannedRows = examination.scannedRows
    sha256 = examination.sha256
    self.model = model
    self.precision = precision
    seconds = examination.duration / .seconds(1)
  }

  private enum CodingKeys: CodingKey {
    case path, pathBase64, verdict, reason, detail, probability, logit, realScore, fakeScore, bias, lowerBound
    case threshold, width, height, scannedRows, sha256, model, precision, seconds
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(path, forKey: .path)
    try container.encodeIfPresent(pathBase64, forKey: .pathBase64)
    try container.encode(verdict, forKey: .verdict)
    try container.encode(reason, forKey: .reason)
    try container.encode(detail, forKey: .detail)
    try container.encode(probability, forKey: .probability)
    try container.encode(logit, forKey: .logit)
    try container.encode(realScore, forKey: .realScore)
    try container.encode(fakeScore, forKey: .fakeScore)
    try container.encode(bias, forKey: .bias)
    try container.encode(lowerBound, forKey: .lowerBound)
    try container.encode(threshold, forKey: .threshold)
    try container.encode(width, forKey: .width)
    try container.encode(height, forKey: .height)
    try container.encode(scannedRows, forKey: .scannedRows)
    try container.encode(sha256, forKey: .sha256)
    try container.encode(model, forKey: .model)
    try container.encode(precision, forKey: .precision)
    try container.encode(seconds, forKey: .seconds)
  }
}
