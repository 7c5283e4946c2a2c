import Detection
import Filesystem
import FoundationEssentials
import Glibc
import ImageDecoding
import Scoring
import StayposCore
import SystemPackage
import Testing

private enum DefaultModel {
  static let repository = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

  static let path = repository.pushing("Models/default.safetensors")
  /// Whose logits PyTorch has computed.
  static let reference = repository.pushing("Models/staypos-lite0-v0.safetensors")

  static let references = repository.pushing("../shared/models/reference-logits.csv")
  static let images = repository.pushing("../shared/data/dev")
}

/// `staypos-scorer` itself with the default model, in its sandbox.
@Suite(.serialized)
struct DefaultModelTests {
  private func scorer(
    of model: FilePath = DefaultModel.path, _ adjust: (inout ScorerConfiguration) -> Void = { _ in }
  ) throws -> Scorer {
    // What is compared with published figures.
    var configuration = ScorerConfiguration(executable: try ScorerHarness.product("staypos-scorer"), precision: .fp32)
    adjust(&configuration)
    let source = try ModelSource(path: model)
    return Scorer(configuration, model: source, interruption: try ScorerInterruption())
  }

  @Test func allWallsStandAndTheModelIsNamed() throws {
    let hello = try scorer().start()
    #expect(hello.model.minimumSize == 32)
    #expect(hello.model.head == .positive)
    #expect(hello.sandbox.seccomp)
    #expect(hello.sandbox.privilegesDropped)
  }

  /// `auto` is one of the others, and the scorer says which.
  @Test(arguments: [Precision.fp32, .auto])
  func givesWhatTheDetectorGivesHere(precision: Precision) throws {
    let harness = try ScorerHarness()
    let detector = try Detector.load(DefaultModel.path, precision: precision, threads: 1)
    let scorer = try scorer { $0.precision = precision }
    #expect(try scorer.start().model.precision == detector.precision)
    var generator = SystemRandomNumberGenerator()
    let image = RGBImage(
      size: ImageSize(width: 97, height: 64),
      pixels: (0..<97 * 64 * 3).map { UInt8(truncatingIfNeeded: $0 / 97) ^ .random(in: 0...63, using: &generator) })
    let file = try harness.image(PNGEncoder.encode(image))
    #expect(try scorer.expectOutcome(file) == detector.score(image))
  }

  @Test func limitsAndDamageAreReasons() throws {
    let harness = try ScorerHarness()
    let scorer = try scorer { $0.limits.pixels = 64 * 64 }
    func png(_ width: Int, _ height: Int) throws -> [UInt8] {
      let size = ImageSize(width: width, height: height)
      return try PNGEncoder.encode(RGBImage(size: size, pixels: [UInt8](repeating: 200, count: width * height * 3)))
    }
    #expect(scorer.expectOutcome(try harness.image(png(65, 64))).reason == .tooLarge)
    #expect(scorer.expectOutcome(try harness.image(png(31, 64))).reason == .tooSmall)
    #expect(scorer.expectOutcome(try harness.image(png(64, 64).dropLast(40))).reason == .truncated)
    #expect(scorer.expectOutcome(try harness.image(png(64, 64))).reason == nil)
  }

  @Test func otherFormatsAreNotScored() throws {
    let harness = try ScorerHarness()
    let scorer = try scorer()
    #expect(scorer.expectOutcome(try harness.image("P5 2 2 255 ....")).reason == .unsupportedFormat)
    #expect(scorer.expectOutcome(try harness.image("")).reason == .empty)
  }

  @Test(
    .enabled(
      if: access(DefaultModel.references.string, R_OK) == 0, "../shared/models/reference-logits.csv is not here"),
    arguments: [1, 2])
  func agreesWithTheReferenceFromInsideTheSandbox(threads: Int) throws {
    let scorer = try scorer(of: DefaultModel.reference) { $0.threads = threads }
    let table = try String(contentsOfFile: DefaultModel.references.string, encoding: .utf8)
    let rows = table.split(separator: "\n").dropFirst().prefix(12)
    try #require(rows.count == 12)
    for row in rows {
      let fields = row.split(separator: ",")
      let path = DefaultModel.images.pushing(FilePath(String(fields[0])))
      let logit = try #require(Double(fields[3]))
      guard case .scored(let score, _)? = scorer.expectOutcome(try ScorerHarness.open(path)) else {
        Issue.record("\(path) was not scored")
        continue
      }
      #expect(abs(score.logit - logit) < 1e-3, "\(path)")
    }
  }

  /// Fewer threads than the pool has make OpenMP end some, and more start them again: the sandbox has to let it. After an
  /// image all of them sleep.
  @Test func threadsMayChangeFromImageToImage() throws {
    let harness = try ScorerHarness()
    let maximum = 3
    let scorer = try scorer { $0.threads = maximum }
    let size = ImageSize(width: 1_100, height: 960)
    let pixels = [UInt8](repeating: 77, count: size.width * size.height * 3)
    let file = try harness.image(PNGEncoder.encode(RGBImage(size: size, pixels: pixels)))
    var logits: [Double] = []
    for threads in [nil, 1, 2, 3, 2] as [Int?] {
      guard case .outcome(.scored(let score, _), _) = scorer.score(file, threads: threads) else {
        Issue.record("not scored with \(threads ?? maximum) threads")
        continue
      }
      logits.append(score.logit)
    }
    let process = try #require(scorer.processIdentifier)
    for logit in logits { #expect(abs(logit - logits[0]) < 1e-5) }
    #expect(eventually { threadStates(of: process).allSatisfy { $0 == "S" } }, "\(threadStates(of: process))")
    // More than it was started for is no order.
    _ = scorer.score(file, threads: 100)
    // One that OpenMP has just ended may still be there.
    #expect(eventually { threadStates(of: process).count <= maximum })
    #expect(scorer.processIdentifier == process)
  }

  @Test func byHandItPointsToTheRightProgram() throws {
    let pipe = try ScorerHarness.outputOfProgram(ScorerHarness.product("staypos-scorer"))
    #expect(pipe.status == EX_USAGE)
    #expect(pipe.output.contains("staypos score"))
  }

  @Test func aPrecisionThatIsNotThereIsRejected() throws {
    let harness = try ScorerHarness()
    guard case .modelRejected(let message) = try scorer({ $0.precision = .int8 }).failure(try harness.image("")) else {
      Issue.record("not rejected")
      return
    }
    #expect(message.contains("int8"))
  }

  @Test func aFileThatIsNoModelIsRejected() throws {
    let harness = try ScorerHarness()
    let configuration = ScorerConfiguration(executable: try ScorerHarness.product("staypos-scorer"))
    let source = try ModelSource(path: harness.write("not a model".utf8, to: "model"))
    let scorer = Scorer(configuration, model: source, interruption: try ScorerInterruption())
    guard case .modelRejected(let message) = scorer.failure(try harness.image("")) else {
      Issue.record("not rejected")
      return
    }
    #expect(!message.isEmpty)
  }
}

extension ScoringOutcome? {
  fileprivate var reason: NotScoredReason? {
    if case .notScored(let reason, _)? = self { reason } else { nil }
  }
}
