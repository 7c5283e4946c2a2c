import ArgumentParser
import Detection
import Filesystem
import StayposCore
import SystemPackage

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Give a verdict on images.",
    discussion: """
      Prints one line for each file: the verdict (flagged, clear, not-scored), the probability that the image is \
      generated, the logit, and the path. PNG and JPEG are told by their content, not by their names. Of a directory all \
      regular files in and below it are taken, images or not, in the order of their names; symbolic links in it are not \
      followed.

      Several images are scored at once, one on each processor; where there are fewer images than processors, each gets \
      several.

      A file that cannot be judged (damaged, too large, unreadable, no image) is not-scored, with the reason. That is \
      neither flagged nor clear.

      With --early-exit the network stops as soon as an image is certain to be flagged: verdicts stay the same, and \
      probability and logit of such an image are lower bounds, printed with a "≥" before them.

      EXIT STATUS
        0   all files are clear, or a directory has none (standard error says so)
        1   at least one file is flagged
        2   none is flagged, at least one is not scored (or no model could be loaded)
        64  the command line is wrong

      EXAMPLES
        staypos score photo.jpg
        staypos score --threshold 0.9 --model my.safetensors *.png
        staypos score --json uploads/ | jq -r 'select(.verdict == "flagged") | .path'
      """)

  @Argument(help: ArgumentHelp("Images, or directories of images.", valueName: "file"))
  var files: [PathArgument]

  @OptionGroup var detector: DetectorOptions
  @OptionGroup var threshold: ThresholdOption
  @OptionGroup var limits: LimitOptions

  @Flag(help: "Stop when an image is certain to be flagged; positive heads only.")
  var earlyExit = false

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func run() throws {
    let hasDirectories = files.contains { FileWalk.isDirectory($0.path) }
    let pool = try detector.pool(count: hasDirectories ? nil : files.count)
    let threshold = threshold.resolved(for: pool.model)
    if earlyExit, !pool.canExitEarly {
      Console.complain("--early-exit has no effect: nothing bounds the score of a head that is not positive")
    }
    var (flagged, notScored, isEmpty) = (false, false, true)
    if !json, Console.isTerminal { try Console.write(line: Console.paint(ScoreLine.header, .dim)) }
    let (limits, earlyExit) = (limits.limits, earlyExit)
    let find = { found in try FileWalk.visit(files.map(\.path), found) }
    try pool.stream(from: find) { item, worker in
      switch item {
      case .file(let path):
        Examination(of: path, by: worker, threshold: threshold, limits: limits, earlyExit: earlyExit)
      case .unreadable(let path, let errno): Examination(refusing: path, Refusal(errno))
      }
    } deliver: { examination in
      isEmpty = false
      if json {
        try Console.write(
          json: ScoreRecord(
            examination, threshold: threshold, model: pool.model.sha256, precision: pool.precision))
      } else {
        try Console.write(line: ScoreLine.text(examination, columns: Console.isTerminal))
      }
      switch examination.verdict {
      case .flagged: flagged = true
      case .notScored: notScored = true
      case .clear: break
      }
    }
    // A wrong directory looks like one in which all is well.
    if isEmpty { Console.complain("there are no files in \(files.map(\.path.escaped).joined(separator: ", "))") }
    if flagged { throw ExitCode.found }
    if notScored { throw ExitCode.notScored }
  }
}
