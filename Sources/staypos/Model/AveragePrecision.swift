/// Area under the curve of precision over recall, by the sum over its steps: Σ (Rₙ − Rₙ₋₁) Pₙ. Equal scores are one
/// step.
enum AveragePrecision {
  /// - Parameter scores: higher speaks for a generated image.
  /// - Returns: nil without generated or without real images.
  static func of(_ scores: [(score: Double, isGenerated: Bool)]) -> Double? {
    let generated = scores.count { $0.isGenerated }
    guard generated > 0, generated < scores.count else { return nil }
    var (sum, seen, found) = (0.0, 0, 0)
    let sorted = scores.sorted { $0.score > $1.score }
    var index = 0
    while index < sorted.count {
      let tied = sorted[index...].prefix { $0.score == sorted[index].score }
      let hits = tied.count { $0.isGenerated }
      seen += tied.count
      found += hits
      sum += Double(hits) / Double(generated) * Double(found) / Double(seen)
      index += tied.count
    }
    return sum
  }
}
