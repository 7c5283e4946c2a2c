import ArgumentParser
import Detection
import Filesystem
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

struct ModelAuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Show how much of a score speaks for real images.",
    discussion: """
      A linear head adds up features: those with a weight below zero speak for a real image, those above zero for a \
      generated one. The former are what a detector learns by accident. Prints how many of each there are and what they \
      weigh; with a directory of images, how much of the score they are, which features add most, what clamping them to \
      zero does to logits and verdicts, and, if there are real and generated images (below directories real, 0_real or \
      nature, and fake, generated, 1_fake or ai), to the average precision. A clamped head has lost what its bias was made \
      for: judge it by the average precision, and train it again.

      EXIT STATUS
        0   done
        1   the model cannot be used
        2   no image was scored
        64  the command line is wrong

      EXAMPLES
        staypos model audit corvi.safetensors
        staypos model audit corvi.safetensors test-images/ --json | jq .averagePrecision
      """)

  @Argument(
    help: ArgumentHelp(
      "The model (default: as for staypos score), and a directory of images.", valueName: "file"))
  var files: [PathArgument] = []

  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threshold: ThresholdOption

  @Option(help: ArgumentHelp("Threads for one image (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @OptionGroup var limits: LimitOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard files.count <= 2 else { throw ValidationError("One model and one directory at a time.") }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  func run() throws {
    var files = files.map(\.path)
    let images = files.last.map(Self.isDirectory) == true ? files.removeLast() : nil
    let model: Model
    var audit: HeadAudit
    var notScored = 0
    do {
      guard files.count <= 1 else { throw Failure("\(files[1].escaped) is no directory of images") }
      model = try Model(path: try files.first ?? DefaultModel.find())
      audit = HeadAudit(model.head, threshold: threshold.resolved(for: model.info))
      if let images { notScored = try examine(images, model, &audit) }
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
    if json {
      try Console.write(
        json: ModelAuditRecord(
          name: model.info.name, model: model.info.sha256, head: model.info.head, bias: model.head.bias,
          notScored: images == nil ? nil : notScored, audit: audit))
    } else {
      try Console.write(
        line: Console.printable(
          "\(model.info.name): \(model.info.head.rawValue) head, \(model.head.weights.count) features, bias "
            + model.head.bias.fixed(4, signed: true) + (notScored > 0 ? "; \(notScored) files not scored" : "")))
      for line in audit.lines { try Console.write(line: line) }
    }
  }

  private static func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    return path.withPlatformString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// - Returns: files that were not scored.
  private func examine(_ directory: FilePath, _ model: Model, _ audit: inout HeadAudit) throws -> Int {
    let detector = try Detector(
      model: model, precision: arithmetic.precision, threads: threads, memoryLimit: ProcessMemory.limit)
    var (scored, notScored) = (0, 0)
    FileWalk.visit([directory]) { item in
      switch item {
      case .unreadable(let path, let errno): Console.complain("\(path.escaped): \(errno)")
      case .file(let path):
        do throws(Refusal) {
          let (score, features) = try self.features(of: path, detector)
          audit.add(score, features, isGenerated: ModelComparison.label(of: path, below: directory))
          scored += 1
        } catch {
          notScored += 1
          Console.complain("\(path.escaped): \(error.reason.rawValue): \(error.detail)")
        }
      }
    }
    guard scored > 0 else {
      Console.complain("\(directory.escaped): no image was scored")
      throw ExitCode.notScored
    }
    return notScored
  }

  private func features(
    of path: FilePath, _ detector: Detector
  ) throws(Refusal) -> (score: Score, features: [Double]) {
    let file = try Candidate(opening: path)
    var reader: ImageReader
    do throws(DecodingFailure) {
      reader = try ImageReader(descriptor: file.descriptor.rawValue, limits: limits.limits)
    } catch {
      throw Refusal(reason: error.reason, detail: error.detail)
    }
    let (outcome, features): (ScoringOutcome, [Double])
    do throws(DetectionError) {
      (outcome, features) = try detector.pooledFeatures(of: &reader)
    } catch {
      throw Refusal(reason: .noModel, detail: error.message)
    }
    switch outcome {
    case .notScored(let reason, let detail): throw Refusal(reason: reason, detail: detail)
    case .scored(let score, _): return (score, features)
    }
  }
}

/// What `model audit` says.
private struct ModelAuditRecord: Encodable {
  var name: String
  var model: SHA256Digest
  var head: Head.Kind
  var bias: Double
  /// nil: without images.
  var notScored: Int?
  var audit: HeadAudit

  private enum CodingKeys: CodingKey {
    case name, model, head, bias, notScored
  }

  /// One object.
  func encode(to encoder: any Encoder) throws {
    try audit.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(model, forKey: .model)
    try container.encode(head, forKey: .head)
    try container.encode(bias, forKey: .bias)
    try container.encodeIfPresent(notScored, forKey: .notScored)
  }
}
