import ArgumentParser
import Detection
import ImageDecoding
import StayposCore
import SystemPackage

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show where in an image the evidence lies.",
    discussion: """
      Writes a PNG: the image in grey, and over it, in colour, what each position of the network's last feature map \
      speaks for a generated image. The map is exact: its mean is the fake score, and fake score + bias (+ real score, \
      with a head that is not positive) is the logit. Between the positions colours are interpolated. The scale at the \
      right gives the values; it runs from 0 to the largest value in this image unless --maximum fixes it.

      Large images are reduced and small ones enlarged, by whole factors, in the picture only: the map is of the image as \
      it is.

      EXIT STATUS
        0   the picture was written
        2   the image was not scored
        64  the command line is wrong
        74  the picture could not be written

      EXAMPLES
        staypos explain photo.jpg --output map.png
        staypos explain --maximum 20 a.png -o a-map.png     to compare with b-map.png
      """)

  @Argument(help: ArgumentHelp("The image.", valueName: "file"))
  var file: PathArgument

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the picture goes; replaced if it is there.", valueName: "png"))
  var output: PathArgument

  @Option(help: ArgumentHelp("The value at the top of the scale, to compare pictures.", valueName: "value"))
  var maximum: Double?

  @OptionGroup var detector: DetectorOptions
  @OptionGroup var threshold: ThresholdOption
  @OptionGroup var limits: LimitOptions

  @Flag(help: "Print the score as JSON.")
  var json = false

  func validate() throws {
    if let maximum, !(maximum > 0 && maximum.isFinite) { throw ValidationError("--maximum has to be above 0.") }
    if OutputFile.isSame(file.path, output.path) {
      throw ValidationError("The picture would replace the image itself: name another --output.")
    }
  }

  func run() throws {
    let detector = try detector.load()
    let threshold = threshold.resolved(for: detector.model)
    let examination = Examination(
      of: file.path, by: ScoringPool.Worker(detector), threshold: threshold, limits: limits.limits, mapped: true)
    if let score = examination.score, let map = examination.map, let image = examination.image {
      let picture = EvidencePicture(
        image: image, map: map, geometry: MapGeometry(detector.model.architecture),
        scale: maximum.map { ValueScale(map.values, maximum: $0) } ?? ValueScale(map.values),
        title: title(examination.verdict, score, threshold), caption: caption(map, detector.model.head))
      do {
        try OutputFile.write(PNGEncoder.encode(picture.draw().image), to: output.path)
      } catch {
        Console.complain("cannot write \(output.path.escaped): \(error)")
        throw ExitCode.outputFailed
      }
    }
    if json {
      try Console.write(
        json: ScoreRecord(
          examination, threshold: threshold, model: detector.model.sha256, precision: detector.precision))
    } else {
      try Console.write(line: ScoreLine.text(examination, columns: Console.isTerminal))
    }
    if examination.score == nil { throw ExitCode.notScored }
  }

  private func title(_ verdict: Verdict, _ score: Score, _ threshold: Threshold) -> [String] {
    let comparison = verdict == .flagged ? ">=" : "<"
    var sum = "logit \(score.logit.fixed(3)) = fake score \(score.fakeScore.fixed(3))"
    if score.realScore != 0 { sum += term(score.realScore, "real score") }
    sum += term(score.bias, "bias")
    return [
      "\(verdict.name.rawValue): probability \(score.probability.fixed(4)) \(comparison) threshold "
        + threshold.value.fixed(4),
      sum,
    ]
  }

  private func term(_ value: Double, _ name: String) -> String {
    " \(value < 0 ? "-" : "+") \(name) \(abs(value).fixed(3))"
  }

  private func caption(_ map: EvidenceMap, _ head: Head.Kind) -> [String] {
    let meaning = head == .positive ? "is the fake score" : "is fake score + real score"
    return [
      "colour: evidence for \"generated\" at each of",
      "\(map.width) x \(map.height) positions, in units of the logit;",
      "their mean, \(map.mean.fixed(3)), \(meaning).",
    ]
  }
}
