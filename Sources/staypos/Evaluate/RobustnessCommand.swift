import ArgumentParser
import Datasets
import Detection
import Evaluation
import StayposCore
import SystemPackage

struct RobustnessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "robustness",
    abstract: "Measure models on images that were compressed, resized, blurred …",
    discussion: """
      Transforms the images of a data set in memory, in several strengths, scores them, and prints what it does to a \
      metric: the average over the generators, as staypos evaluate has it. Of the images as they are, too. Below that the \
      mean over all strengths and its change from the images as they are, and of several models the differences to the \
      first one, on the same draws of the bootstrap.

      SWEEPS
        jpeg      quality 100 … 30, chroma at half size
        webp      quality 100 … 30, of the fake images only (--on all for all)
        resize    to squares of 1024 … 128 pixels, bicubic with antialiasing
        downsize  both sides by a factor of 1 … 0.25, the same filter
        blur      Gaussian, σ of 0 … 4 pixels
        noise     Gaussian, σ of 0 … 16 levels
        lowpass   keeps spatial frequencies up to 1 … 0.3 of the highest along an axis
        crop      removes 0 … 20 % of either side at a random place and enlarges the rest to the old size

      With --output, a directory gets, named after the sweep, a report in Markdown, one in JSON, all results in CSV, and \
      plots of average precision and of the metric asked for. Scores are kept there: the same command goes on where it \
      was interrupted.

      EXIT STATUS
        as of staypos evaluate

      EXAMPLES
        staypos robustness --data testset/ --sweep jpeg --output results/
        staypos robustness a.safetensors b.safetensors --data testset/ --sweep webp --values 90,70,50
      """)

  enum Scope: String, ExpressibleByArgument, CaseIterable {
    case all, fake, real

    var label: Label? {
      switch self {
      case .all: nil
      case .fake: .fake
      case .real: .real
      }
    }
  }

  @OptionGroup var data: DatasetOption

  @Option(help: ArgumentHelp("What is done to the images.", valueName: "sweep"))
  var sweep: Sweep

  @Option(
    help: ArgumentHelp("Its strengths, separated by commas (default: see above).", valueName: "list"),
    transform: { text in
      try text.split(separator: ",").map { part in
        guard let value = Double(part), value.isFinite else { throw ValidationError("\(part) is no number.") }
        return value
      }
    })
  var values: [Double]?

  @Option(
    help: ArgumentHelp(
      "Which images are transformed: all, fake or real (default: all; webp: fake).", valueName: "label"))
  var on: Scope?

  @OptionGroup var metric: MetricOption
  @OptionGroup var options: EvaluationOptions

  func validate() throws {
    if let values {
      guard !values.isEmpty, Set(values).count == values.count else {
        throw ValidationError("--values needs numbers, each of them once.")
      }
      if let value = values.first(where: { sweep.transform($0) == nil }) {
        throw ValidationError("\(value) is no value for --sweep \(sweep.rawValue).")
      }
    }
  }

  private var scope: Scope { on ?? (sweep == .webp ? .fake : .all) }

  func run() throws {
    try reportingFailures {
      let dataset = try options.dataset(data.path)
      let strengths = [nil] + (values ?? sweep.values).map { Optional($0) }
      var columns = strengths.map { _ in [ScoreTable.Column]() }
      let scoring = options.scoring(dataset.images)
      let transformed = dataset.images.count { scope.label == nil || $0.label == scope.label }
      try options.models.forEach(count: dataset.images.count) { pool, name in
        let total = dataset.images.count + (strengths.count - 1) * transformed
        let progress = ProgressBar("\(name), \(sweep.rawValue)", total: total)
        defer { progress.clear() }
        let original = try scoring.score(pool, try scoring.cache(pool, variant: "original"), progress)
        for (index, strength) in strengths.enumerated() {
          columns[index].append(
            ScoreTable.Column(
              name: name, model: pool.model.sha256, precision: pool.precision,
              threshold: options.threshold.resolved(for: pool.model),
              outcomes: try outcomes(strength, original, pool, scoring, progress)))
        }
      }
      let points = zip(strengths, columns).map { strength, columns in
        RobustnessReport.Point(
          value: strength,
          report: EvaluationReport(
            dataset: data.path.escaped, table: ScoreTable(images: dataset.images, columns: columns),
            bootstrap: options.intervals.settings))
      }
      guard points.contains(where: { !$0.report.table.common.isEmpty }) else {
        throw Failure("no image was scored by all models")
      }
      try show(
        RobustnessReport(dataset: data.path.escaped, sweep: sweep, transformed: scope.label, points: points))
    }
  }

  /// - Parameter original: what the images that are not transformed keep.
  private func outcomes(
    _ strength: Double?, _ original: [ScoreTable.Outcome?], _ pool: ScoringPool, _ scoring: DatasetScoring,
    _ progress: ProgressBar
  ) throws -> [ScoreTable.Outcome] {
    guard let strength, let transform = sweep.transform(strength) else { return original.compactMap { $0 } }
    // Of what is random, the seed is part of what the scores are of.
    let seed = [.noise, .crop].contains(sweep) ? "-seed\(options.intervals.seed)" : ""
    let cache = try scoring.cache(pool, variant: "\(sweep.rawValue)-\(strength)\(seed)")
    let changed = try scoring.score(pool, only: scope.label, transform: transform, cache, progress)
    return zip(changed, original).compactMap { $0 ?? $1 }
  }

  private func show(_ report: RobustnessReport) throws {
    // What is not scored only after a transformation is counted in the table.
    report.points.first { $0.value == nil }?.report.complain()
    if let output = options.output {
      let metrics = Set([Metric.averagePrecision, metric.metric])
      try OutputDirectory.write(
        [
          ("\(sweep.rawValue).md", Array(report.markdown.utf8)), ("\(sweep.rawValue).csv", report.csv),
          ("\(sweep.rawValue).json", try Console.json(report.record)),
        ] + metrics.map { ("\(sweep.rawValue)-\($0.rawValue).svg", Array(report.plot($0).utf8)) }, to: output.path)
    }
    if options.json {
      try Console.write(json: report.record)
      return
    }
    let transformed = report.transformed.map { "the \($0) images" } ?? "all images"
    try Console.write(
      line: Console.printable(
        "\(report.dataset): \(metric.metric.name) in per cent, mean over the generators; transformed: \(transformed)"
      ))
    for line in report.table(metric.metric).lines { try Console.write(line: Console.printable(line)) }
    guard let differences = report.differences(metric.metric) else { return }
    let intervals = options.intervals.bootstrap > 0 ? ", with intervals" : ""
    try Console.write(line: "\ndifferences in points\(intervals)")
    for line in differences.lines { try Console.write(line: Console.printable(line)) }
  }
}
