import Datasets
import StayposCore

/// What several models say about the images of a data set.
package struct ScoreTable: Sendable {
  package var images: [LabelledImage]
  package var columns: [Column]

  package struct Column: Sendable {
    /// Different for each column.
    package var name: String
    /// SHA-256 of the model file; nil: the scores came from elsewhere.
    package var model: SHA256Digest?
    package var precision: Precision?
    package var threshold: Threshold
    /// Parallel to the images.
    package var outcomes: [Outcome]

    package init(
      name: String, model: SHA256Digest? = nil, precision: Precision? = nil, threshold: Threshold, outcomes: [Outcome]
    ) {
      self.name = name
      self.model = model
      self.precision = precision
      self.threshold = threshold
      self.outcomes = outcomes
    }
  }

  package enum Outcome: Sendable, Equatable {
    case logit(Double)
    case notScored(NotScoredReason, detail: String)

    package var logit: Double? {
      if case .logit(let logit) = self { logit } else { nil }
    }
  }

  package init(images: [LabelledImage], columns: [Column]) {
    precondition(columns.allSatisfy { $0.outcomes.count == images.count })
    self.images = images
    self.columns = columns
  }

  /// Images that every model has scored: on them the models are compared.
  package var common: [Int] {
    images.indices.filter { index in columns.allSatisfy { $0.outcomes[index].logit != nil } }
  }

  /// Adds a column, of which images lack a score that lack one of any model.
  /// - Parameter threshold: nil: the first column's.
  package mutating func fuse(_ fusion: Fusion, threshold: Threshold?) {
    guard let first = columns.first else { return }
    let outcomes = images.indices.map { index in
      let all = columns.map { $0.outcomes[index] }
      let logits = all.compactMap(\.logit)
      return logits.count == all.count ? .logit(fusion.fuse(logits)) : all.first { $0.logit == nil } ?? all[0]
    }
    columns.append(
      Column(name: "fusion (\(fusion.rawValue))", threshold: threshold ?? first.threshold, outcomes: outcomes))
  }
}
