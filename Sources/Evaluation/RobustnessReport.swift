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

  package init(dataset: String, sweep: Sweep, transformed: Label?, points: [Point]) {
    self.dataset = dataset
    self.sweep = sweep
    self.transformed = transformed
    self.points = points
  }

  private func name(_ value: Double?) -> String { value.map { "\($0.formattedShort)" } ?? "original" }

  /// Of the averages over the generators: a line for each strength, a column for each model.
  package func table(_ metric: Metric) -> TextTable {
    var table = TextTable(
      [sweep.rawValue] + (points.first?.report.results.map(\.column.name) ?? []) + ["not scored"])
    for point in points {
      let intervals = point.report.bootstrap.replicates > 0
      table.rows.append(
        [name(point.value)] + point.report.results.map { $0.average.text(metric, interval: intervals) }
          + ["\(point.report.leftOut)"])
    }
    return table
  }

  package var markdown: String {
    var text = "# Robustness on \(dataset): \(sweep.rawValue)\n\n"
    text += "Transformed: \(transformed.map { "the \($0) images only" } ?? "all images"). "
    text += "First column: \(sweep.label). Averages over the generators in per cent, with bootstrap intervals.\n"
    for metric in [Metric.averagePrecision, .balancedAccuracy] {
      text +=
        "\n## \(metric.name.prefix(1).uppercased() + metric.name.dropFirst())\n\n\(table(metric).markdown)"
    }
    return text
  }

  /// As ``EvaluationReport/csv``, with the strength in front.
  package var csv: [UInt8] {
    CSVTable.line(["sweep", "value"] + EvaluationReport.csvHeader)
      + points.flatMap { point in
        point.report.csvRows.flatMap { CSVTable.line([sweep.rawValue, name(point.value)] + $0) }
      }
  }

  /// A line for each model over the strengths, with its interval, as SVG. Of one model, the value without a transformation
  /// is the dashed line.
  package func plot(_ metric: Metric) -> String {
    let models = points.first?.report.results.map(\.column.name) ?? []
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
            .init(name: $0.column.name, sha256: $0.column.model, average: MetricsRecord(values: $0.average))
          })
      })
  }

  private struct Record: Encodable {
    struct Model: Encodable {
      var name: String
      var sha256: SHA256Digest?
      var average: MetricsRecord
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
  }
}

extension Double {
  /// A whole number without a point.
  var formattedShort: String {
    self == rounded() && abs(self) < 1e15 ? fixed(0) : "\(self)"
  }
}
