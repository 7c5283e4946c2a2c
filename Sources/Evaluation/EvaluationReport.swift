import Datasets
import StayposCore

/// What models are worth on a data set, ready to be shown.
package struct EvaluationReport: Sendable {
  /// For people: where the images came from.
  package let dataset: String
  package let table: ScoreTable
  package let bootstrap: Bootstrap
  /// One for each column of the table.
  package let results: [EvaluationResult]

  package init(dataset: String, table: ScoreTable, bootstrap: Bootstrap) {
    self.dataset = dataset
    self.table = table
    self.bootstrap = bootstrap
    results = Evaluator(table, bootstrap).results()
  }

  package struct NotScored: Sendable {
    package var image: LabelledImage
    package var model: String
    package var reason: NotScoredReason
    package var detail: String
  }

  package var notScored: [NotScored] {
    table.images.enumerated().flatMap { index, image in
      table.columns.compactMap { column in
        guard case .notScored(let reason, let detail) = column.outcomes[index] else { return nil }
        return NotScored(image: image, model: column.name, reason: reason, detail: detail)
      }
    }
  }

  /// Images that lack a score of any model, and so count for none.
  package var leftOut: Int { table.images.count - table.common.count }

  func count(_ label: Label) -> Int { table.common.count { table.images[$0].label == label } }

  /// One sentence.
  package var summary: String {
    let compared = "\(count(.real)) real and \(count(.fake)) fake images"
    return leftOut == 0 ? compared : "\(compared); \(leftOut) more were not scored and count as neither"
  }
}

extension IntervalValues {
  /// In per cent, without the sign.
  package func text(_ metric: Metric, interval: Bool, signed: Bool = false) -> String {
    guard let value = values[metric] else { return "–" }
    let text = (100 * value).fixed(1, signed: signed)
    guard interval, let lower = lower[metric], let upper = upper[metric] else { return text }
    let dash = signed ? " … " : "–"
    return "\(text) (\((100 * lower).fixed(1, signed: signed))\(dash)\((100 * upper).fixed(1, signed: signed)))"
  }
}
