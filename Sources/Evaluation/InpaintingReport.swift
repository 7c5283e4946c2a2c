import Datasets
import Plotting
import StayposCore

/// What models are worth on images of which a part was generated: detection by the share of that part, and how well the
/// evidence map shows where it is.
package struct InpaintingReport: Sendable {
  /// Shares of the pixels, in per cent.
  package struct Bin: Sendable, Equatable {
    package var lower: Double
    package var upper: Double

    /// In the order of the shares, as text too.
    package var name: String {
      func padded(_ value: Double) -> String {
        let text = value == value.rounded() ? value.fixed(0) : "\(value)"
        return String(repeating: " ", count: max(0, 3 - text.prefix { $0 != "." }.count)) + text
      }
      return "\(padded(lower))–\(padded(upper)) %"
    }
  }

  /// Means over the images of a bin.
  package struct Row: Sendable {
    package var bin: Bin
    package var count: Int
    package var detection: IntervalValues
    /// Less the first model's; nil for the first model itself.
    package var difference: IntervalValues?
    /// Nil without an image of which a part, and not all, was generated.
    package var pixelAveragePrecision: Double?
    package var intersectionOverUnion: Double
    package var bestIntersectionOverUnion: Double
  }

  package struct ModelRows: Sendable {
    package var name: String
    package var model: SHA256Digest?
    package var rows: [Row]
  }

  package let report: EvaluationReport
  package let models: [ModelRows]

  /// Equal steps between the edges: 0 to the first, …, the last to 100.
  package static func bins(edges: [Double]) -> [Bin] {
    zip([0] + edges, edges + [100]).map { Bin(lower: $0, upper: $1) }
  }

  /// - Parameters:
  ///   - table: all real images, and the fake ones that have a mask.
  ///   - localisations: for each column and image; nil: a real one, or not scored.
  package init(
    dataset: String, table: ScoreTable, localisations: [[Localisation?]], bins: [Bin], bootstrap: Bootstrap
  ) {
    var table = table
    var members: [String: [Int]] = [:]
    for index in table.images.indices where table.images[index].label == .fake {
      let share = 100 * (localisations.lazy.compactMap { $0[index]?.share }.first ?? 0)
      let bin = bins.first { share <= $0.upper } ?? bins[bins.count - 1]
      (table.images[index].group, table.images[index].source) = (nil, bin.name)
      members[bin.name, default: []].append(index)
    }
    for index in table.images.indices { table.images[index].group = nil }
    let report = EvaluationReport(dataset: dataset, table: table, bootstrap: bootstrap)
    self.report = report
    let common = Set(table.common)
    models = report.results.enumerated().map { column, result in
      let rows = bins.compactMap { bin -> Row? in
        guard let detection = result.rows.first(where: { $0.name == bin.name }) else { return nil }
        let found = (members[bin.name] ?? []).filter(common.contains).compactMap { localisations[column][$0] }
        let precisions = found.compactMap(\.pixelAveragePrecision)
        return Row(
          bin: bin, count: found.count, detection: detection.metrics, difference: detection.difference,
          pixelAveragePrecision: precisions.isEmpty ? nil : Self.mean(precisions),
          intersectionOverUnion: Self.mean(found.map(\.intersectionOverUnion)),
          bestIntersectionOverUnion: Self.mean(found.map(\.bestIntersectionOverUnion)))
      }
      return ModelRows(name: result.column.name, model: result.column.model, rows: rows)
    }
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// All values in per cent.
  package func table(_ model: ModelRows) -> TextTable {
    let isFirst = model.name == models.first?.name
    let others = isFirst ? [] : models.prefix(1).map { "AP less \($0.name)" }
    var table = TextTable(["share", "images", "AP"] + others + ["pixel AP", "IoU", "best IoU"])
    let intervals = report.bootstrap.replicates > 0
    for row in model.rows {
      let detection = row.detection.text(.averagePrecision, interval: intervals)
      let differences = others.map { _ in
        row.difference?.text(.averagePrecision, interval: intervals, signed: true) ?? "–"
      }
      table.rows.append(
        [row.bin.name, "\(row.count)", detection] + differences + [
          row.pixelAveragePrecision.map { (100 * $0).fixed(1) } ?? "–", (100 * row.intersectionOverUnion).fixed(1),
          (100 * row.bestIntersectionOverUnion).fixed(1),
        ])
    }
    return table
  }

  package var markdown: String {
    var text =
      "# Inpainting on \(report.dataset)\n\n\(report.summary.prefix(1).uppercased() + report.summary.dropFirst()).\n"
    text += """
      By the share of pixels that the masks mark, in per cent: average precision against all real images; means of the \
      average precision over the pixels, of the intersection over union at the model's threshold, and of the highest one \
      that any cut gives on each image.

      """
    for model in models { text += "\n## \(model.name)\n\n\(table(model).markdown)" }
    if let differences = report.differences {
      text += "\n## Differences of the means over the shares\n\n\(differences.markdown)"
    }
    return text
  }

  package var csv: [UInt8] {
    CSVTable.line([
      "model", "shareFrom", "shareTo", "images", "averagePrecision", "averagePrecisionLower", "averagePrecisionUpper",
      "pixelAveragePrecision", "intersectionOverUnion", "bestIntersectionOverUnion", "averagePrecisionDifference",
      "averagePrecisionDifferenceLower", "averagePrecisionDifferenceUpper",
    ])
      + models.flatMap { model in
        model.rows.flatMap { row in
          let detection = [row.detection.values, row.detection.lower, row.detection.upper].map {
            $0[.averagePrecision]
          }
          let difference = [row.difference?.values, row.difference?.lower, row.difference?.upper].map {
            $0?[.averagePrecision]
          }
          let values =
            detection + [row.pixelAveragePrecision, row.intersectionOverUnion, row.bestIntersectionOverUnion]
            + difference
          return CSVTable.line(
            [model.name, "\(row.bin.lower)", "\(row.bin.upper)", "\(row.count)"]
              + values.map { $0.map { "\($0)" } ?? "" })
        }
      }
  }

  /// Average precision by share, with intervals, as SVG.
  package var detectionPlot: String {
    plot("Average precision by share of generated pixels", "AP in per cent", report.bandNote) { row in
      (
        row.detection.values[.averagePrecision], row.detection.lower[.averagePrecision],
        row.detection.upper[.averagePrecision]
      )
    }
  }

  /// Average precision over the pixels by share, as SVG.
  package var localisationPlot: String {
    plot("Evidence map: average precision over the pixels", "pixel AP in per cent", "") { row in
      (row.pixelAveragePrecision, nil, nil)
    }
  }

  private func plot(
    _ title: String, _ label: String, _ note: String, _ value: (Row) -> (Double?, Double?, Double?)
  ) -> String {
    let bins = models.first?.rows.map(\.bin) ?? []
    // Side by side, however narrow they are: their names need the room.
    let places = bins.indices.map { Double($0) }
    let series = models.map { model in
      let values = zip(places, model.rows.map(value))
      return Plot.Series(
        model.name, points: values.map { ($0, 100 * ($1.0 ?? .nan)) },
        band: values.compactMap { place, value in
          guard let lower = value.1, let upper = value.2 else { return nil }
          return (place, 100 * lower, 100 * upper)
        }, hasMarkers: true)
    }
    return Plot(
      title: title, subtitle: "\(report.dataset): \(report.summary)\(note)",
      x: Axis(
        "share of the pixels in per cent", range: -0.5...Double(max(bins.count, 1)) - 0.5, ticks: places,
        tickLabels: Dictionary(
          zip(places, bins.map { "\($0.lower.formattedShort)–\($0.upper.formattedShort)" }), uniquingKeysWith: { $1 })),
      y: .percentages(label, series), series: series
    ).svg
  }

  /// One object.
  package var record: some Encodable {
    Record(
      dataset: report.dataset,
      models: zip(models, report.results).map { model, result in
        Record.Model(
          name: model.name, sha256: model.model, average: MetricsRecord(values: result.average),
          difference: result.difference.map { MetricsRecord(values: $0) },
          shares: model.rows.map { row in
            .init(
              from: row.bin.lower, to: row.bin.upper, images: row.count, metrics: MetricsRecord(values: row.detection),
              difference: row.difference.map { MetricsRecord(values: $0) },
              pixelAveragePrecision: row.pixelAveragePrecision, intersectionOverUnion: row.intersectionOverUnion,
              bestIntersectionOverUnion: row.bestIntersectionOverUnion)
          })
      })
  }

  private struct Record: Encodable {
    struct Share: Encodable {
      var from: Double
      var to: Double
      var images: Int
      var metrics: MetricsRecord
      /// The metrics less the first model's.
      var difference: MetricsRecord?
      var pixelAveragePrecision: Double?
      var intersectionOverUnion: Double
      var bestIntersectionOverUnion: Double
    }

    struct Model: Encodable {
      var name: String
      var sha256: SHA256Digest?
      /// The mean over the shares, each counting the same.
      var average: MetricsRecord
      var difference: MetricsRecord?
      var shares: [Share]
    }

    var dataset: String
    var models: [Model]
  }
}
