import ArgumentParser
import Detection
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speed and memory of a model on this machine.",
    discussion: """
      Scores images of noise and reports the median time, megapixels per second and the most memory that the process had \
      resident, weights included. Every size is measured in a process of its own, after one run that is not counted \
      (it compiles the network's kernels for that size). With --mixed-sizes, reports what ever other sizes cost instead.

      EXAMPLES
        staypos bench
        staypos bench --size 512x512 --size 1024x1024 --repeat 10 --json
        staypos bench --architecture resnet50-nodown --threads 1
        staypos bench --mixed-sizes 100
      """)

  private static let defaultSize = SizeArgument(ImageSize(width: 512, height: 512))
  private static let defaultRepeat = 5

  @OptionGroup var detector: DetectorOptions

  @Option(
    help: ArgumentHelp(
      "Instead of a model: random weights for one of \(ArchitectureArgument.allValueStrings.joined(separator: ", ")), the last with what staypos model info prints as architecture.",
      valueName: "name"))
  var architecture: ArchitectureArgument?

  @Option(
    help: ArgumentHelp(
      "Image size in pixels; may be given several times. (default: \(defaultSize))", valueName: "WxH"))
  var size: [SizeArgument] = []

  @Option(help: ArgumentHelp("Runs to take the median of. (default: \(defaultRepeat))", valueName: "n"))
  var `repeat`: Int?

  @OptionGroup var threshold: ThresholdOption

  @Flag(help: "Stop when the image is certain to be flagged, as staypos score --early-exit does.")
  var earlyExit = false

  @Option(
    help: ArgumentHelp(
      "Instead: what compiling costs at the first and at the last of so many random sizes, 64 to 2048 pixels a side.",
      valueName: "n"))
  var mixedSizes: Int?

  @Flag(help: "Every layer all at once: how fast the network would be without streaming, whatever the memory.")
  var whole = false

  @Flag(
    help: "Measure the fastest layer alone too, and print which share of its rate the whole network reaches.")
  var attainable = false

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(runs) else { throw ValidationError("--repeat has to be between 1 and 100000.") }
    if let mixedSizes, !(1...100_000).contains(mixedSizes) {
      throw ValidationError("--mixed-sizes has to be between 1 and 100000.")
    }
    if mixedSizes != nil, let option = optionsOfSingleSizes.first {
      throw ValidationError("--mixed-sizes and \(option) exclude each other.")
    }
    if architecture != nil, detector.model != nil {
      throw ValidationError("--model and --architecture exclude each other.")
    }
  }

  private var runs: Int { `repeat` ?? Self.defaultRepeat }

  private var sizes: [SizeArgument] { size.isEmpty ? [Self.defaultSize] : size }

  /// Those given that say how sizes of one's own choice are measured.
  private var optionsOfSingleSizes: [String] {
    var options: [String] = []
    if !size.isEmpty { options.append("--size") }
    if `repeat` != nil { options.append("--repeat") }
    if threshold.threshold != nil { options.append("--threshold") }
    if earlyExit { options.append("--early-exit") }
    if attainable { options.append("--attainable") }
    return options
  }

  func run() throws {
    if let mixedSizes {
      let result = try MixedSizes(mixedSizes, load: load)
      if json { try Console.write(json: result) } else { try Console.write(line: result.line) }
      return
    }
    if sizes.count == 1, let size = sizes.first {
      try report(measure(size.size))
      return
    }
    for size in sizes { try runInChild(size) }
  }

  private func measure(_ size: ImageSize) throws -> BenchResult {
    let detector = try load()
    let clock = ContinuousClock()
    var times: [Double] = []
    let threshold = threshold.resolved(for: detector.model)
    var outcome: ScoringOutcome?
    var scannedRows = size.height
    for _ in 0...runs {
      let start = clock.now
      var image = NoiseImage(size)
      if earlyExit {
        let scan = try detector.score(&image, stoppingAt: threshold)
        (outcome, scannedRows) = (scan.outcome, scan.scannedRows)
      } else {
        outcome = try detector.score(&image)
      }
      times.append((clock.now - start) / .seconds(1))
    }
    guard case .scored(let score, _) = outcome else {
      if case .notScored(let reason, let detail) = outcome { Console.complain("\(reason.rawValue): \(detail)") }
      throw ExitCode.notScored
    }
    // The layers' measurement has memory of its own.
    let peak = ProcessMemory.peak
    return try BenchResult(
      model: detector.model, precision: detector.precision, size: size,
      threads: detector.threads, streaming: !whole, first: times[0], times: Array(times.dropFirst()),
      peakBytes: peak, work: attainable ? detector.work(size) : nil, scannedRows: scannedRows, logit: score.logit)
  }

  private func load() throws -> Detector {
    guard let architecture else { return try detector.load(streaming: !whole) }
    return try RandomModel(architecture).detector(
      precision: detector.arithmetic.precision, threads: detector.threads, streaming: !whole)
  }

  private func report(_ result: BenchResult) throws {
    if json { try Console.write(json: result) } else { try Console.write(line: result.line) }
  }

  /// This program again, for one size.
  private func runInChild(_ size: SizeArgument) throws {
    var arguments = ["staypos", "bench", "--size", size.description, "--repeat", "\(runs)"].map { Array($0.utf8) }
    if let model = detector.model { arguments += [Array("--model".utf8), model.path.bytes] }
    if let threads = detector.threads { arguments += ["--threads", "\(threads)"].map { Array($0.utf8) } }
    arguments += ["--precision", detector.arithmetic.precision.rawValue].map { Array($0.utf8) }
    if let architecture { arguments += [Array("--architecture".utf8), architecture.argument] }
    if let threshold = threshold.threshold { arguments += ["--threshold", "\(threshold)"].map { Array($0.utf8) } }
    if earlyExit { arguments.append(Array("--early-exit".utf8)) }
    if whole { arguments.append(Array("--whole".utf8)) }
    if attainable { arguments.append(Array("--attainable".utf8)) }
    if json { arguments.append(Array("--json".utf8)) }

    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { bytes in
      (bytes + [0]).withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.flatMap { strdup($0) } }
      }
    }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    var child: pid_t = 0
    let spawned = posix_spawn(&child, "/proc/self/exe", nil, nil, pointers, environ)
    guard spawned == 0 else { throw Failure("cannot start a process for \(size): \(Errno(rawValue: spawned))") }
    var status: CInt = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { throw Failure("cannot wait for the process for \(size): \(Errno(rawValue: errno))") }
    }
    guard status & 0x7F == 0 else { throw Failure("the process for \(size) was ended by signal \(status & 0x7F)") }
    guard status == 0 else { throw ExitCode(status >> 8 & 0xFF) }
  }
}

/// `WIDTHxHEIGHT`
struct SizeArgument: ExpressibleByArgument, CustomStringConvertible {
  var size: ImageSize

  init(_ size: ImageSize) {
    self.size = size
  }

  init?(argument: String) {
    let sides = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let width = sides[0], let height = sides[1], (1...65_535).contains(width),
      (1...65_535).contains(height)
    else { return nil }
    size = ImageSize(width: width, height: height)
  }

  var description: String { "\(size.width)x\(size.height)" }
  var defaultValueDescription: String { description }
}
