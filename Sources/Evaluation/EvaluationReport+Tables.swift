import Datasets
import StayposCore

extension EvaluationReport {
  /// In the shape of the papers' tables: a line for each model, a column for each generator, their mean at the end; turned
  /// if there are too many generators for that.
  package func byGenerator(_ metric: Metric) -> TextTable {
    let generators = results.first?.rows ?? []
    let intervals = bootstrap.replicates > 0
    guard generators.count > 8 else {
      var table = TextTable(["model"] + generators.map(\.name) + ["average"])
      for result in results {
        table.rows.append(
          [result.column.name]
            + (result.rows.map(\.metrics) + [result.average]).map { $0.text(metric, interval: intervals) })
      }
      return table
    }
    var table = TextTable(["generator", "real", "fake"] + results.map(\.column.name))
    for (index, generator) in generators.enumerated() {
      table.rows.append(
        [generator.name, "\(generator.reals)", "\(generator.fakes)"]
          + results.map { $0.rows[index].metrics.text(metric, interval: intervals) })
    }
    table.rows.append(["average", "", ""] + results.map { $0.average.text(metric, interval: intervals) })
    return table
  }

  /// All metrics of one model.
  package func allMetrics(_ result: EvaluationResult) -> TextTable {
    var table = TextTable(["generator", "real", "fake"] + Metric.allCases.map(\.title))
    func append(_ name: String, _ counts: [String], _ values: IntervalValues) {
      table.rows.append([name] + counts + Metric.allCases.map { values.text($0, interval: false) })
    }
    for row in result.rows { append(row.name, ["\(row.reals)", "\(row.fakes)"], row.metrics) }
    if result.rows.count > 1 { append("average", ["", ""], result.average) }
    append("all", ["\(result.pooled.reals)", "\(result.pooled.fakes)"], result.pooled.metrics)
    return table
  }

  /// Means over the generators, all metrics: a line for each model.
  package func averages(intervals: Bool) -> TextTable {
    var table = TextTable(["model"] + Metric.allCases.map(\.title))
    for result in results {
      table.rows.append(
        [result.column.name]
          + Metric.allCases.map { result.average.text($0, interval: intervals && bootstrap.replicates > 0) })
    }
    return table
  }

  /// Averages less the first model's: an interval without 0 is a difference that chance does not explain. Nil for one model.
  package var differences: TextTable? {
    guard results.count > 1 else { return nil }
    var table = TextTable(["model less \(results[0].column.name)"] + Metric.allCases.map(\.title))
    for result in results {
      guard let difference = result.difference else { continue }
      table.rows.append(
        [result.column.name]
          + Metric.allCases.map { difference.text($0, interval: bootstrap.replicates > 0, signed: true) })
    }
    return table
  }

  /// Real images that are taken for fake ones, by kind.
  package var falsePositives: TextTable {
    var table = TextTable(["real images", "count"] + results.map(\.column.name))
    for (index, kind) in (results.first?.reals ?? []).enumerated() {
      table.rows.append(
        [kind.name, "\(kind.count)"] + results.map { (100 * $0.reals[index].falsePositiveRate).fixed(1) })
    }
    return table
  }

  package var markdown: String {
    var text = "# Evaluation on \(dataset)\n\n\(summary.prefix(1).uppercased() + summary.dropFirst()).\n"
    if bootstrap.replicates > 0 {
      text +=
        "In parentheses: \((100 * bootstrap.confidence).fixed(0)) % intervals of a stratified bootstrap "
        + "(\(bootstrap.replicates) samples, seed \(bootstrap.seed)). All values in per cent.\n"
    }
    for metric in [Metric.averagePrecision, .balancedAccuracy, .oracleAccuracy] {
      text += "\n## \(metric.name.prefix(1).uppercased() + metric.name.dropFirst())\n\n\(byGenerator(metric).markdown)"
    }
    text += "\n## Average over the generators\n\n\(averages(intervals: true).markdown)"
    if let differences { text += "\n## Differences of the averages\n\n\(differences.markdown)" }
    text += "\n## False positive rate by kind of real images\n\n\(falsePositives.markdown)"
    text += "\n## Models\n\n"
    for result in results {
      let column = result.column
      let identity = [column.model.map { "SHA-256 \($0)" }, column.precision?.rawValue].compactMap { $0 }
      text += "- \(column.name): threshold \(column.threshold)" + identity.map { ", \($0)" }.joined() + "\n"
    }
    guard !notScored.isEmpty else { return text }
    text += "\n## Not scored\n\n"
    var list = TextTable(["image", "model", "reason"])
    list.rows = notScored.map { [$0.image.name.escaped, $0.model, $0.reason.rawValue] }
    return text + list.markdown
  }
}
