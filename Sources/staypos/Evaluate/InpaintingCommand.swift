import ArgumentParser
import Datasets
import Detection
import Evaluation
import StayposCore
import SystemPackage

struct InpaintingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inpainting",
    abstract: "Measure models on images of which only a part was generated.",
    discussion: """
      Of each fake image a mask says which pixels were generated: an image of the same size, white (128 or more) where \
      they were, below --masks at the path that the image has below --data, with or without its label's directory. Fake \
      images without a mask are left out.

      By share of those pixels: average precision against all real images, and how well the evidence map shows the \
      place: average precision over the pixels, intersection over union at the model's threshold (a place counts if an \
      image that looked like it everywhere would be flagged), and the highest one that any cut gives on each image. Of \
      several models the differences of the average precision to the first one's, on the same draws of the bootstrap.

      With --output, a directory gets inpainting.md, .csv, .json, and plots of detection and localisation by share.

      EXIT STATUS
        as of staypos evaluate

      EXAMPLES
        staypos inpainting --data rip/ --masks rip-masks/ --shares 10,25,50 --output results/
      """)

  @OptionGroup var data: DatasetOption

  @Option(help: ArgumentHelp("The masks of its fake images.", valueName: "directory"))
  var masks: PathArgument

  @Option(
    help: ArgumentHelp("Where one range of shares ends and the next begins, in per cent.", valueName: "list"),
    transform: { text in
      try text.split(separator: ",").map { part in
        guard let value = Double(part), value > 0, value < 100 else {
          throw ValidationError("\(part) is no number between 0 and 100.")
        }
        return value
      }
    })
  var shares: [Double] = [10, 25, 50]

  @OptionGroup var options: EvaluationOptions

  func validate() throws {
    guard shares == shares.sorted(), Set(shares).count == shares.count else {
      throw ValidationError("--shares needs numbers that grow.")
    }
  }

  func run() throws {
    try reportingFailures {
      let dataset = try options.dataset(data.path)
      let masks = MaskDirectory(path: masks.path)
      let images = dataset.images.map { ($0, $0.label == .fake ? masks.mask(of: $0) : nil) }
      let kept = images.filter { $0.0.label == .real || $0.1 != nil }
      if kept.count < images.count {
        Console.complain("\(images.count - kept.count) fake images have no mask and are left out")
      }
      guard kept.contains(where: { $0.0.label == .fake }) else { throw Failure("no fake image has a mask") }
      var columns: [ScoreTable.Column] = []
      var localisations: [[Localisation?]] = []
      try options.models.forEach(count: kept.count) { pool, name in
        let (column, found) = try score(kept, pool, name)
        columns.append(column)
        localisations.append(found)
      }
      let table = ScoreTable(images: kept.map(\.0), columns: columns)
      guard !table.common.isEmpty else { throw Failure("no image was scored by all models") }
      try show(
        InpaintingReport(
          dataset: data.path.escaped, table: table, localisations: localisations,
          bins: InpaintingReport.bins(edges: shares), bootstrap: options.intervals.settings))
    }
  }

  private func score(
    _ images: [(LabelledImage, mask: FilePath?)], _ pool: ScoringPool, _ name: String
  ) throws -> (ScoreTable.Column, [Localisation?]) {
    let threshold = options.threshold.resolved(for: pool.model)
    let masked = MaskedScoring(limits: options.limits.limits, threshold: threshold)
    let progress = ProgressBar(name, total: images.count)
    defer { progress.clear() }
    // The real ones need no map: row by row, and kept with those of staypos evaluate.
    let plain = options.scoring(images.filter { $0.mask == nil }.map(\.0))
    var reals = try plain.score(pool, try plain.cache(pool, variant: "original"), progress)[...]
    let fakes = images.compactMap { image, mask in mask.map { (image, $0) } }
    var found = try pool.map(fakes.count) { index, worker in
      let (image, mask) = fakes[index]
      let result = masked.score(image, mask: mask, worker)
      progress.advance()
      return result
    }[...]
    var outcomes: [ScoreTable.Outcome] = []
    var localisations: [Localisation?] = []
    for (_, mask) in images {
      let (outcome, localisation) = mask == nil ? (reals.popFirst() ?? nil, nil) : found.popFirst() ?? (nil, nil)
      if let outcome { outcomes.append(outcome) }
      localisations.append(localisation)
    }
    return (
      ScoreTable.Column(
        name: name, model: pool.model.sha256, precision: pool.precision, threshold: threshold, outcomes: outcomes),
      localisations
    )
  }

  private func show(_ report: InpaintingReport) throws {
    report.report.complain()
    if let output = options.output {
      try OutputDirectory.write(
        [
          ("inpainting.md", Array(report.markdown.utf8)), ("inpainting.csv", report.csv),
          ("inpainting.json", try Console.json(report.record)),
          ("inpainting-detection.svg", Array(report.detectionPlot.utf8)),
          ("inpainting-localisation.svg", Array(report.localisationPlot.utf8)),
        ], to: output.path)
    }
    if options.json {
      try Console.write(json: report.record)
      return
    }
    try Console.write(line: Console.printable("\(report.report.dataset): \(report.report.summary)"))
    for model in report.models {
      try Console.write(line: "\n\(Console.printable(model.name)), in per cent")
      for line in report.table(model).lines { try Console.write(line: Console.printable(line)) }
    }
  }
}
