import ArgumentParser
import Detection
import Glibc
import StayposCore
import SystemPackage

/// The model and how to run it.
struct DetectorOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The model, a staypos safetensors file (default: STAYPOS_MODEL, else the installed one, else Models/ of a source tree).",
      valueName: "file"))
  var model: PathArgument?

  @Option(help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @OptionGroup var arithmetic: PrecisionOption

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  /// Ends with a message and exit code 2 if there is no model that can be used: nothing can be scored then.
  func load(streaming: Bool = true) throws -> Detector {
    try complaining {
      try Detector.load(
        model?.path ?? DefaultModel.find(), precision: arithmetic.precision, threads: threads,
        memoryLimit: ProcessMemory.limit, streaming: streaming)
    }
  }

  /// The same for several images at once.
  /// - Parameter count: see ``ScoringPool/init(_:precision:threads:count:)``.
  func pool(count: Int?) throws -> ScoringPool {
    try complaining {
      try ScoringPool(
        model?.path ?? DefaultModel.find(), precision: arithmetic.precision, threads: threads, count: count)
    }
  }

  private func complaining<Loaded>(_ load: () throws -> Loaded) throws -> Loaded {
    do {
      return try load()
    } catch {
      Console.complain("\(error)")
      throw ExitCode.notScored
    }
  }
}

struct PrecisionOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network's arithmetic: fp32, bf16, int8 (for a model that staypos model quantize has calibrated), or auto, which is bf16 where the processor has instructions for it, else fp32.",
      valueName: "type"))
  var precision = Precision.auto
}

extension Precision: ExpressibleByArgument {}

/// What a file may cost.
struct LimitOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Images of more pixels are not scored.", valueName: "n"))
  var maxPixels = ImageLimits().pixels

  @Option(help: ArgumentHelp("Files of more bytes are not scored.", valueName: "n"))
  var maxBytes = ImageLimits().bytes

  func validate() throws {
    guard maxPixels > 0, maxBytes > 0 else {
      throw ValidationError("--max-pixels and --max-bytes have to be above 0.")
    }
  }

  var limits: ImageLimits { ImageLimits(bytes: maxBytes, pixels: maxPixels) }
}

struct ThresholdOption: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The probability from which on an image is flagged (default: the model's own).", valueName: "p"))
  var threshold: Double?

  func validate() throws {
    if let threshold, Threshold(threshold) == nil {
      throw ValidationError("--threshold has to be between 0 and 1.")
    }
  }

  func resolved(for model: ModelInfo) -> Threshold {
    threshold.flatMap { Threshold($0) } ?? model.threshold
  }
}
