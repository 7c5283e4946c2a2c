import Datasets
import FoundationEssentials
import StayposCore

extension EvaluationReport {
  static let csvHeader =
    ["model", "generator", "real", "fake"]
    + Metric.allCases.flatMap { [$0.rawValue, "\($0.rawValue)Lower", "\($0.rawValue)Upper"] }

  /// A line for each model and generator, one for their `average`, one for `all` images at once, and, but for the first
  /// model, one for the `difference` of its average to the first one's; shares, not per cent; empty where a metric is not
  /// defined.
  package var csv: [UInt8] {
    CSVTable.line(Self.csvHeader) + csvRows.flatMap { CSVTable.line($0) }
  }

  var csvRows: [[String]] {
    results.flatMap { result in
      var rows = result.rows.map { ($0.name, "\($0.reals)", "\($0.fakes)", $0.metrics) }
      rows.append(("average", "", "", result.average))
      rows.append(("all", "\(result.pooled.reals)", "\(result.pooled.fakes)", result.pooled.metrics))
      if let difference = result.difference { rows.append(("difference", "", "", difference)) }
      return rows.map { name, reals, fakes, values in [result.column.name, name, reals, fakes] + values.csvFields }
    }
  }

  /// One object, keys in alphabetical order.
  package var json: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      return Array(try encoder.encode(record)) + [UInt8(ascii: "\n")]
    }
  }

  /// What `--json` says.
  package var record: some Encodable {
    Record(
      dataset: dataset, real: count(.real), fake: count(.fake),
      bootstrap: .init(replicates: bootstrap.replicates, confidence: bootstrap.confidence, seed: bootstrap.seed),
      models: results.map(ModelRecord.init),
      notScored: notScored.map { item in
        let (path, base64) = item.image.name.json
        return .init(
          path: path, pathBase64: base64, model: item.model, reason: item.reason, detail: item.detail)
      })
  }
}

private struct Record: Encodable {
  struct BootstrapRecord: Encodable {
    var replicates: Int
    var confidence: Double
    var seed: UInt64
  }

  struct NotScored: Encodable {
    var path: String
    var pathBase64: String?
    var model: String
    var reason: NotScoredReason
    var detail: String
  }

  var dataset: String
  /// That count.
  var real: Int
  var fake: Int
  var bootstrap: BootstrapRecord
  var models: [ModelRecord]
  var notScored: [NotScored]
}

private struct ModelRecord: Encodable {
  struct Row: Encodable {
    var name: String
    var real: Int
    var fake: Int
    var metrics: MetricsRecord
    /// The metrics less the first model's.
    var difference: MetricsRecord?
  }

  struct RealRow: Encodable {
    var name: String
    var count: Int
    var falsePositiveRate: Double
    var medianLogit: Double
  }

  var name: String
  var sha256: SHA256Digest?
  var precision: Precision?
  var threshold: Threshold
  var generators: [Row]
  var average: MetricsRecord
  /// The average less the first model's.
  var difference: MetricsRecord?
  var all: Row
  var realImages: [RealRow]

  init(_ result: EvaluationResult) {
    func row(_ row: EvaluationResult.Row) -> Row {
      Row(
        name: row.name, real: row.reals, fake: row.fakes, metrics: MetricsRecord(values: row.metrics),
        difference: row.difference.map { MetricsRecord(values: $0) })
    }
    name = result.column.name
    sha256 = result.column.model
    precision = result.column.precision
    threshold = result.column.threshold
    generators = result.rows.map(row)
    average = MetricsRecord(values: result.average)
    difference = result.difference.map { MetricsRecord(values: $0) }
    all = row(result.pooled)
    realImages = result.reals.map {
      RealRow(
        name: $0.name, count: $0.count, falsePositiveRate: $0.falsePositiveRate, medianLogit: $0.medianLogit)
    }
  }
}

extension IntervalValues {
  /// Value, lower and upper end of each metric.
  var csvFields: [String] {
    Metric.allCases.flatMap { metric in
      [values, lower, upper].map { $0[metric].map { "\($0)" } ?? "" }
    }
  }
}

/// An object with a key for each metric; null where it is not defined.
struct MetricsRecord: Encodable {
  struct Value: Encodable {
    var value: Double
    var lower: Double?
    var upper: Double?
  }

  var values: IntervalValues

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(_ metric: Metric) { stringValue = metric.rawValue }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for metric in Metric.allCases {
      let value = values.values[metric].map {
        Value(value: $0, lower: values.lower[metric], upper: values.upper[metric])
      }
      try container.encode(value, forKey: Key(metric))
    }
  }
}
