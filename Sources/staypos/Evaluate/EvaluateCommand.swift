import ArgumentParser
import Datasets
import Detection
import Evaluation
import StayposCore
import SystemPackage

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure models on labelled images.",
    discussion: """
      Scores every image of a data set once with each model and prints average precision, accuracies and error rates for \
      each generator, their average, and for all images at once. Metrics are those of scikit-learn; intervals come from a \
      stratified bootstrap. Models are compared on the images that all of them have scored; an image that cannot be \
      scored counts as neither real nor fake and is named.

      Labels come from directories: 0_real and 1_fake, real and fake (or generated), nature and ai, at any depth, under a \
      generator or with a directory for each generator below, with or without train, val and test. Or --data is a CSV \
      file with the columns filename and typ (real, or the generator).

      With --output, a directory gets report.md, report.json, results.csv, scores.csv, roc.svg, precision-recall.svg and \
      a plot of each model's score distributions by kind of image. Scores are kept there as they are made: the same \
      command goes on where it was interrupted.

      With --scores, given logits are evaluated, without images or models: a CSV file as above with a column for each \
      model, like the scores.csv of another run.

      EXIT STATUS
        0   done
        2   nothing could be measured: no model, no data set, no image was scored, or one model alone is to be fused
        64  the command line is wrong
        74  the output could not be written

      EXAMPLES
        staypos evaluate --data testset/ --output results/
        staypos evaluate a.safetensors b.safetensors --data genimage/ --split val --output results/
        staypos evaluate --scores results/scores.csv --fuse soft_or_prob --json | jq .models[].average
      """)

  @Option(help: ArgumentHelp("The data set: a directory, or a list in CSV.", valueName: "path"))
  var data: PathArgument?

  @Option(help: ArgumentHelp("Given scores, instead of models and images.", valueName: "csv"))
  var scores: PathArgument?

  @Option(help: ArgumentHelp("With --scores: a column to take; may be repeated (default: all).", valueName: "name"))
  var column: [String] = []

  @Option(
    help: ArgumentHelp(
      "Also evaluate all models together: soft_or_prob, mean or max; may be repeated.", valueName: "rule"))
  var fuse: [Fusion] = []

  @OptionGroup var metric: MetricOption
  @OptionGroup var options: EvaluationOptions

  func validate() throws {
    guard (data == nil) != (scores == nil) else { throw ValidationError("Name either --data or --scores.") }
    guard scores == nil || options.models.models.isEmpty else {
      throw ValidationError("With --scores there are no models.")
    }
    guard scores != nil || column.isEmpty else { throw ValidationError("--column needs --scores.") }
  }

  func run() throws {
    try reportingFailures {
      var table = try self.table()
      let single = table.columns.count == 1
      if single, !fuse.isEmpty { throw Failure("--fuse needs more than one model") }
      let columns = table.columns
      for fusion in fuse {
        var alone = ScoreTable(images: table.images, columns: columns)
        alone.fuse(fusion, threshold: options.threshold.threshold.flatMap { Threshold($0) })
        table.columns += alone.columns.suffix(1)
      }
      guard !table.common.isEmpty else { throw Failure("no image was scored by all models") }
      let report = EvaluationReport(
        dataset: (data ?? scores)?.path.escaped ?? "", table: table, bootstrap: options.intervals.settings)
      try write(report)
      try show(report)
    }
  }

  private func table() throws -> ScoreTable {
    if let scores {
      // Checked on the command line.
      guard let threshold = Threshold(options.threshold.threshold ?? 0.5) else {
        throw Failure("the threshold is no probability")
      }
      return try ScoreTable(reading: scores.path, columns: column, split: options.split, threshold: threshold)
    }
    let dataset = try options.dataset(data?.path ?? ".")
    let scoring = options.scoring(dataset.images)
    var columns: [ScoreTable.Column] = []
    try options.models.forEach(count: dataset.images.count) { pool, name in
      let progress = ProgressBar(name, total: dataset.images.count)
      defer { progress.clear() }
      let outcomes = try scoring.score(pool, try scoring.cache(pool, variant: "original"), progress)
      columns.append(
        ScoreTable.Column(
          name: name, model: pool.model.sha256, precision: pool.precision,
          threshold: options.threshold.resolved(for: pool.model), outcomes: outcomes.compactMap { $0 }))
    }
    return ScoreTable(images: dataset.images, columns: columns)
  }

  private func write(_ report: EvaluationReport) throws {
    guard let output = options.output else { return }
    var files: [(name: String, bytes: [UInt8])] = [
      ("report.md", Array(report.markdown.utf8)), ("report.json", try report.json), ("results.csv", report.csv),
      ("scores.csv", report.table.csv), ("roc.svg", Array(report.roc.utf8)),
      ("precision-recall.svg", Array(report.precisionRecall.utf8)),
    ]
    for (index, column) in report.table.columns.enumerated() {
      files.append(("scores-\(column.name.fileName).svg", Array(report.distributions(index).utf8)))
    }
    try OutputDirectory.write(files, to: output.path)
  }

  private func show(_ report: EvaluationReport) throws {
    report.complain()
    if options.json {
      try Console.write(json: report.record)
      return
    }
    try Console.write(line: Console.printable("\(report.dataset): \(report.summary)"))
    if report.results.count == 1, let result = report.results.first {
      try show("\(result.column.name), threshold \(result.column.threshold), in per cent", report.allMetrics(result))
    } else {
      try show("\(metric.metric.name) in per cent", report.byGenerator(metric.metric))
    }
    try show("averages over the generators in per cent", report.averages(intervals: false))
    if let differences = report.differences, options.intervals.bootstrap > 0 {
      try show("differences of the averages in points, with intervals", differences)
    }
    try show("false positive rate by kind of real images in per cent", report.falsePositives)
  }

  private func show(_ title: String, _ table: TextTable) throws {
    try Console.write(line: "\n\(Console.printable(title))")
    for line in table.lines { try Console.write(line: Console.printable(line)) }
  }
}
