/// What remains of the last feature map.
package struct Features: Sendable {
  /// Positions of the last feature map.
  package var height: Int
  package var width: Int
  /// Global mean pooling, per channel.
  package var means: [Double]
  /// Σᵢ wᵢhᵢ at each position, row by row; nil if no weights were given.
  package var projection: [Double]?
}

/// Running sums over rows of the last feature map, in Double.
struct FeatureSums {
  private let channels: Int
  private let weights: [Double]?
  private var sums: [Double]
  private var positions = 0
  private var projection: [Double] = []

  /// - Parameter weights: one per channel, for the projection.
  init(channels: Int, projectedOn weights: [Double]?) {
    precondition(weights.map { $0.count == channels } ?? true)
    self.channels = channels
    self.weights = weights
    sums = Array(repeating: 0, count: channels)
  }

  /// - Parameters:
  ///   - features: (rows, width, channels)
  ///   - columns: those from the left that count.
  mutating func add(_ features: UnsafePointer<Float>, rows: Int, columns: Int, of width: Int) {
    for row in 0..<rows { add(features + row * width * channels, positions: columns) }
  }

  /// - Parameter features: (positions, channels)
  private mutating func add(_ features: UnsafePointer<Float>, positions count: Int) {
    positions += count
    sums.withUnsafeMutableBufferPointer { buffer in
      guard let sums = buffer.baseAddress else { return }
      var feature = features
      for _ in 0..<count {
        var channel = 0
        while channel < channels {
          sums[channel] += Double(feature[channel])
          channel += 1
        }
        feature += channels
      }
    }
    guard let weights else { return }
    projection.reserveCapacity(projection.count + count)
    weights.withUnsafeBufferPointer { weights in
      var feature = features
      for _ in 0..<count {
        var sum = 0.0
        var channel = 0
        while channel < channels {
          sum += weights[channel] * Double(feature[channel])
          channel += 1
        }
        projection.append(sum)
        feature += channels
      }
    }
  }

  /// The sums so far as a share of those over so many positions.
  func means(over total: Int) -> [Double] {
    sums.map { $0 / Double(total) }
  }

  func features(height: Int, width: Int) -> Features {
    precondition(positions == height * width)
    return Features(
      height: height, width: width, means: means(over: positions),
      projection: weights == nil ? nil : projection)
  }
}
