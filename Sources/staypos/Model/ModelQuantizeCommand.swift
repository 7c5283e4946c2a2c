import ArgumentParser
import Detection
import Filesystem
import ImageDecoding
import StayposCore
import SystemPackage

struct ModelQuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Calibrate a model for int8.",
    discussion: """
      Scores the images of a directory in fp32, and writes a copy of the model that says which numbers each of the \
      network's feature maps holds. The copy works in all precisions, int8 among them; weights, head and threshold are \
      the same. Take images like those that the model will see, real and generated ones, some hundred of them, and look \
      at the result: staypos model verify --against fp32 --precision int8.

      EXIT STATUS
        0   the model is written
        1   it is not: no image was scored, or the model cannot be read or written
        64  the command line is wrong

      EXAMPLES
        staypos model quantize --images samples/ --output int8.safetensors
        staypos model verify --against fp32 --precision int8 int8.safetensors images/
      """)

  @Argument(help: ArgumentHelp("The model (default: as for staypos score).", valueName: "file"))
  var file: PathArgument?

  @Option(help: ArgumentHelp("Images, in this directory and below it.", valueName: "directory"))
  var images: PathArgument

  @Option(name: [.short, .long], help: ArgumentHelp("Where the calibrated model goes.", valueName: "file"))
  var output: PathArgument

  @Option(help: ArgumentHelp("Threads for one image (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @OptionGroup var limits: LimitOptions

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  func run() throws {
    do {
      let source = try file?.path ?? DefaultModel.find()
      guard !OutputFile.isSame(source, output.path) else {
        throw Failure("\(output.path.escaped) is the model itself: name another file for --output")
      }
      let original = try Model(path: source)
      let calibrator = try Calibrator(model: original, threads: threads, memoryLimit: ProcessMemory.limit)
      let count = observeAll(calibrator)
      guard count > 0 else { throw Failure("\(images.path.escaped): no image was scored") }
      var revision = ModelRevision(of: original, at: source)
      revision.calibration = calibrator.calibration
      let model = try revision.write(to: output.path)
      try Console.write(
        line: Console.printable(
          "\(output.path.escaped): \(model.info.name), SHA-256 \(model.info.sha256), calibrated on \(count) images"))
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  /// - Returns: images that were scored.
  private func observeAll(_ calibrator: Calibrator) -> Int {
    var count = 0
    FileWalk.visit([images.path]) { item in
      switch item {
      case .unreadable(let path, let errno): Console.complain("\(path.escaped): \(errno)")
      case .file(let path):
        do throws(Refusal) {
          try observe(path, calibrator)
          count += 1
        } catch {
          Console.complain("\(path.escaped): \(error.reason.rawValue): \(error.detail)")
        }
      }
    }
    return count
  }

  private func observe(_ path: FilePath, _ calibrator: Calibrator) throws(Refusal) {
    let file = try Candidate(opening: path)
    var reader: ImageReader
    do throws(DecodingFailure) {
      reader = try ImageReader(descriptor: file.descriptor.rawValue, limits: limits.limits)
    } catch {
      throw Refusal(reason: error.reason, detail: error.detail)
    }
    let outcome: ScoringOutcome
    do throws(DetectionError) {
      outcome = try calibrator.observe(&reader)
    } catch {
      throw Refusal(reason: .noModel, detail: error.message)
    }
    if case .notScored(let reason, let detail) = outcome { throw Refusal(reason: reason, detail: detail) }
  }
}
