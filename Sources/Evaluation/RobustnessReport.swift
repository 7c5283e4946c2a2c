import Datasets
import FoundationEssentials
import Plotting
import StayposCore

/// What models are worth on transformed images.
package struct RobustnessReport: Sendable {
  package struct Point: Sendable {
    /// Of the sweep; nil: the images as they are.
    package var value: Double?
    package var report: EvaluationReport

    package init(value: Double?, report: EvaluationReport) {
      self.value = value
      self.report = report
    }
  }

  package let dataset: String
  package let sweep: Sweep
  /// Which images were transformed; nil: all.
  package let transformed: Label?
  /// In the order of the sweep.
  package let points: [Point]
  /// One for each model; nil unless the same images count at all strengths and as they are.
  package let means: [Means]?

  package init(dataset: String, sweep: Sweep, transformed: Label?, points: [Point]) {
    self.dataset = dataset
    self.sweep = sweep
    self.transformed = transformed
    self.points = points
    means = Self.means(points)
  }

  private func name(_ value: Double?) -> String { value.map { "\($0.formattedShort)" } ?? "original" }

  /// Of the averages over the generators: a line for each strength, a column for each model.
  package func table(_ metric: Metric) -> TextTable {
    var table = TextTable([sweep.rawValue] + models + ["not scored"])
    for point in points {
      table.rows.append(
        [name(point.value)] + point.report.results.map { $0.average.text(metric, interval: hasIntervals) }
          + ["\(point.report.leftOut)"])
    }
    guard let means else { return table }
    table.rows.append(["mean"] + means.map { $0.average.text(metric, interval: hasIntervals) } + [""])
    table.rows.append(["change"] + means.map { $0.change.text(metric, interval: hasIntervals, signed: true) } + [""])
    return table
  }

  /// The same less the first model's, a column for each of the others; nil for one model.
  package func differences(_ metric: Metric) -> TextTable? {
    guard models.count > 1 else { return nil }
    var table = TextTable(["less \(models[0])"] + models.dropFirst())
    func append(_ name: String, _ values: [IntervalValues?]) {
      table.rows.append(
        [name] + values.dropFirst().map { $0?.text(metric, interval: hasIntervals, signed: true) ?? "–" })
    }
    for point in points { append(name(point.value), point.report.results.map(\.difference)) }
    guard let means else { return table }
    append("mean", means.map(\.difference))
    append("change", means.map(\.changeDifference))
    return table
  }

  private var models: [String] { points.first?.report.results.map(\.column.name) ?? [] }
  private var hasIntervals: Bool { (points.first?.report.bootstrap.replicates ?? 0) > 0 }

  package var markdown: String {
    var text = "# Robustness on \(dataset): \(sweep.rawValue)\n\n"
    text += "Transformed: \(transformed.map { "the \($0) images only" } ?? "all images"). "
    text += "First column: \(sweep.label). Averages over the generators in per cent, with bootstrap intervals.\n"
    text += "Mean: over all strengths, each counting the same. Change: the mean less the images as they are.\n"
    for metric in [Metric.averagePrecision, .balancedAccuracy] {
      let title = metric.name.prefix(1).uppercased() + metric.name.dropFirst()
      text += "\n## \(title)\n\n\(table(metric).markdown)"
      if let differences = differences(metric) {
        text += "\n## Differences of the \(metric.name)\n\n\(differences.markdown)"
      }
    }
    return text
  }

  /// As ``EvaluationReport/csv``, with the strength in front; in place of one, `mean` and `change` for what is said over
  /// all of them.
  package var csv: [UInt8] {
    var lines = CSVTable.line(["sweep", "value"] + EvaluationReport.csvHeader)
    func append(_ value: String, _ fields: [String]) { lines += CSVTable.line([sweep.rawValue, value] + fields) }
    for point in points {
      for row in point.report.csvRows { append(name(point.value), row) }
    }
    for (model, means) in zip(models, means ?? []) {
      for (name, values, difference) in [
        ("mean", means.average, means.difference), ("change", means.change, means.changeDifference),
      ] {
        append(name, [model, "average", "", ""] + values.csvFields)
        if let difference { append(name, [model, "difference", "", ""] + difference.csvFields) }
      }
    }
    return lines
  }

  /// A line for each model over the strengths, with its interval, as SVG. Of one model, the value without a transformation
  /// is the dashed line.
  package func plot(_ metric: Metric) -> String {
    let swept = points.filter { $0.value != nil }.sorted { ($0.value ?? 0) < ($1.value ?? 0) }
    let series = models.enumerated().map { index, name in
      let values = swept.compactMap { point in
        point.value.map { ($0, point.report.results[index].average) }
      }
      return Plot.Series(
        name, points: values.map { ($0, 100 * ($1.values[metric] ?? .nan)) },
        band: values.compactMap { value, interval in
          guard let lower = interval.lower[metric], let upper = interval.upper[metric] else { return nil }
          return (value, 100 * lower, 100 * upper)
        }, hasMarkers: true)
    }
    let original = points.first { $0.value == nil }?.report.results.first?.average.values[metric]
    let scope = transformed.map { ", on the \($0) images only" } ?? ""
    let reference = models.count == 1 ? original.map { 100 * $0 } : nil
    let ticks = swept.compactMap(\.value)
    return Plot(
      title: "\(metric.name.prefix(1).uppercased() + metric.name.dropFirst()) after \(sweep.title)\(scope)",
      subtitle: "\(dataset): mean over the generators"
        + (reference != nil ? "; dashed: images as they are" : "")
        + (points.first?.report.bandNote ?? ""),
      x: Axis(sweep.label, isReversed: sweep.isReversed, ticks: ticks.count <= 10 ? ticks : nil),
      y: .percentages("\(metric.title) in per cent", series, reference: reference), series: series,
      references: reference.map { [.horizontal($0)] } ?? []
    ).svg
  }

  /// One object.
  package var record: some Encodable {
    Record(
      dataset: dataset, sweep: sweep.rawValue, transformed: transformed.map { "\($0)" } ?? "all",
      points: points.map { point in
        Record.Point(
          value: point.value, notScored: point.report.leftOut,
          models: point.report.results.map {
            .init(
              name: $0.column.name, sha256: $0.column.model, average: MetricsRecord(values: $0.average),
              difference: $0.difference.map { MetricsRecord(values: $0) })
          })
      },
      means: means.map { means in
        zip(models, means).map { name, means in
          Record.Means(
            name: name, average: MetricsRecord(values: means.average),
            difference: means.difference.map { MetricsRecord(values: $0) },
            change: MetricsRecord(values: means.change),
            changeDifference: means.changeDifference.map { MetricsRecord(values: $0) })
        }
      })
  }

  private struct Record: Encodable {
    struct Model: Encodable {
      var name: String
      var sha256: SHA256Digest?
      var average: MetricsRecord
      /// The average less the first model's.
      var difference: MetricsRecord?
    }

    struct Means: Encodable {
      var name: String
      var average: MetricsRecord
      var difference: MetricsRecord?
      var change: MetricsRecord
      var changeDifference: MetricsRecord?
    }

    struct Point: Encodable {
      var value: Double?
      var notScored: Int
      var models: [Model]

      private enum CodingKeys: CodingKey {
        case value, notScored, models
      }

      /// A value of null is there, too.
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(value, forKey: .value)
        try container.encode(notScored, forKey: .notScored)
        try container.encode(models, forKey: .models)
      }
    }

    var dataset: String
    var sweep: String
    var transformed: String
    var points: [Point]
    /// One for each model.
    var means: [Means]?
  }
}

extension Double {
  /// A whole number without a point.
  var formattedShort: String {
    self == rounded() && abs(self) < 1e15 ? fixed(0) : "\(self)"
  }
}
