import StayposCore

/// How well an evidence map shows which pixels were generated.
package struct Localisation: Sendable, Equatable {
  /// Of the pixels that the mask marks, 0...1.
  package var share: Double
  /// Average precision over the pixels; nil if the mask marks none or all.
  package var pixelAveragePrecision: Double?
  /// Intersection over union of the mask and of what lies at or above the cut; 0 if both are empty.
  package var intersectionOverUnion: Double
  /// The highest that any cut gives on this very image.
  package var bestIntersectionOverUnion: Double

  /// - Parameters:
  ///   - evidence: a value for each pixel.
  ///   - mask: as many; true: generated.
  ///   - cut: the evidence from which on a pixel is taken for generated.
  package init(evidence: [Double], mask: [Bool], cut: Double) {
    precondition(evidence.count == mask.count && !mask.isEmpty)
    let marked = mask.count { $0 }
    share = Double(marked) / Double(mask.count)
    var (both, either) = (0, 0)
    for (value, isMarked) in zip(evidence, mask) {
      let isTaken = value >= cut
      if isTaken && isMarked { both += 1 }
      if isTaken || isMarked { either += 1 }
    }
    intersectionOverUnion = either == 0 ? 0 : Double(both) / Double(either)
    let order = evidence.indices.sorted { evidence[$0] > evidence[$1] }
    var (found, seen, index) = (0, 0, 0)
    var (precision, best) = (0.0, 0.0)
    while index < order.count {
      let value = evidence[order[index]]
      var hits = 0
      while index < order.count, evidence[order[index]] == value {
        if mask[order[index]] { hits += 1 }
        index += 1
      }
      seen = index
      found += hits
      if hits > 0 { precision += Double(hits) / Double(marked) * Double(found) / Double(seen) }
      best = max(best, Double(found) / Double(marked + seen - found))
    }
    pixelAveragePrecision = marked == 0 || marked == mask.count ? nil : precision
    bestIntersectionOverUnion = best
  }
}
