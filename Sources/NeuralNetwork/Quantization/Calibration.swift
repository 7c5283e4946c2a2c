/// Which numbers a network's feature maps hold, from images like those that it will see.
package struct Calibration: Sendable, Equatable {
  /// For each of the graph's convolutions, in order: the largest magnitude of its result, with residual and activation,
  /// that an 8-bit number has to stand for.
  package var ranges: [Float]

  /// - Parameter ranges: finite, not below 0.
  package init(ranges: [Float]) {
    precondition(ranges.allSatisfy { $0.isFinite && $0 >= 0 })
    self.ranges = ranges
  }
}
