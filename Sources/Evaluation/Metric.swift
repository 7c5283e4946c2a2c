/// What is said about a detector on a set of real and fake images. All are shares, 0...1.
package enum Metric: String, Sendable, CaseIterable, Codable, CodingKeyRepresentable {
  /// Area under precision over recall by the sum over its steps; scikit-learn's `average_precision_score`.
  case averagePrecision
  /// Area under the receiver operating characteristic; ties count half.
  case rocAUC
  /// At the threshold, as the three below.
  case accuracy
  /// Mean of the shares of right verdicts on real and on fake images.
  case balancedAccuracy
  case falsePositiveRate
  case falseNegativeRate
  /// The highest accuracy that any threshold gives on these very images.
  case oracleAccuracy
  /// Share of the fake images that are found when at most this share of the real ones may be flagged: the best attainable
  /// threshold, no interpolation.
  case detectionAt10 = "detectionAt10Percent"
  case detectionAt5 = "detectionAt5Percent"
  case detectionAt1 = "detectionAt1Percent"

  /// Of tables.
  package var title: String {
    switch self {
    case .averagePrecision: "AP"
    case .rocAUC: "AUC"
    case .accuracy: "Acc"
    case .balancedAccuracy: "BAcc"
    case .falsePositiveRate: "FPR"
    case .falseNegativeRate: "FNR"
    case .oracleAccuracy: "Oracle"
    case .detectionAt10: "Pd@10%"
    case .detectionAt5: "Pd@5%"
    case .detectionAt1: "Pd@1%"
    }
  }

  /// In sentences.
  package var name: String {
    switch self {
    case .averagePrecision: "average precision"
    case .rocAUC: "area under the ROC curve"
    case .accuracy: "accuracy"
    case .balancedAccuracy: "balanced accuracy"
    case .falsePositiveRate: "false positive rate"
    case .falseNegativeRate: "false negative rate"
    case .oracleAccuracy: "oracle accuracy"
    case .detectionAt10: "detection at a false alarm rate of 10 %"
    case .detectionAt5: "detection at a false alarm rate of 5 %"
    case .detectionAt1: "detection at a false alarm rate of 1 %"
    }
  }

  static let falseAlarmRates: [(metric: Metric, rate: Double)] = [
    (.detectionAt10, 0.1), (.detectionAt5, 0.05), (.detectionAt1, 0.01),
  ]
}

/// One value for each metric.
package struct MetricValues: Sendable, Equatable {
  /// NaN: not defined.
  private var values = [Double](repeating: .nan, count: Metric.allCases.count)

  package init() {}

  /// Nil where it is not defined, for want of real or of fake images.
  package subscript(_ metric: Metric) -> Double? {
    get {
      let value = values[metric.index]
      return value.isNaN ? nil : value
    }
    set { values[metric.index] = newValue ?? .nan }
  }

  /// Metric by metric; not defined where one of the two is not.
  static func - (one: MetricValues, other: MetricValues) -> MetricValues {
    var difference = MetricValues()
    for index in one.values.indices { difference.values[index] = one.values[index] - other.values[index] }
    return difference
  }

  /// Metric by metric; not defined where one of them is not.
  static func mean(_ all: [MetricValues]) -> MetricValues {
    var mean = MetricValues()
    guard !all.isEmpty else { return mean }
    for index in mean.values.indices {
      mean.values[index] = all.reduce(0) { $0 + $1.values[index] } / Double(all.count)
    }
    return mean
  }
}

extension Metric {
  /// By declaration.
  fileprivate var index: Int {
    switch self {
    case .averagePrecision: 0
    case .rocAUC: 1
    case .accuracy: 2
    case .balancedAccuracy: 3
    case .falsePositiveRate: 4
    case .falseNegativeRate: 5
    case .oracleAccuracy: 6
    case .detectionAt10: 7
    case .detectionAt5: 8
    case .detectionAt1: 9
    }
  }
}
