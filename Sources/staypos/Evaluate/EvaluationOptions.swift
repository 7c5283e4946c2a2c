import ArgumentParser
import Datasets
import Detection
import Evaluation
import StayposCore
import SystemPackage

/// The models, and how they are run.
struct EvaluatedModels: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Models, staypos safetensors files (default: as for staypos score).", valueName: "model"))
  var models: [PathArgument] = []

  @OptionGroup var arithmetic: PrecisionOption

  @Option(help: ArgumentHelp("Threads for one image (default: one for each processor).", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  /// Calls `body` with one model after the other, so that one alone is in memory, and a name that no other has.
  func forEach(_ body: (Detector, String) throws -> Void) throws {
    var names: Set<String> = []
    for path in models.isEmpty ? [try DefaultModel.find()] : models.map(\.path) {
      let detector = try Detector.load(
        path, precision: arithmetic.precision, threads: threads, memoryLimit: ProcessMemory.limit)
      var name = Console.printable(detector.model.name)
      if names.contains(name), let file = path.stem { name += " (\(Console.printable(file)))" }
      let base = name
      var number = 2
      while !names.insert(name).inserted {
        name = "\(base) \(number)"
        number += 1
      }
      try body(detector, name)
    }
  }
}

/// What is measured, and how surely.
struct MetricOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The metric of the table that compares models.", valueName: "metric"))
  var metric = Metric.averagePrecision

  @Option(help: ArgumentHelp("Bootstrap samples for the intervals; 0: no intervals.", valueName: "n"))
  var bootstrap = 1000

  @Option(help: ArgumentHelp("The intervals' confidence.", valueName: "share"))
  var confidence = 0.95

  @Option(help: ArgumentHelp("Of everything that is random.", valueName: "n"))
  var seed: UInt64 = 1

  func validate() throws {
    guard (0...1_000_000).contains(bootstrap) else {
      throw ValidationError("--bootstrap has to be between 0 and 1,000,000.")
    }
    guard confidence > 0, confidence < 1 else { throw ValidationError("--confidence has to be between 0 and 1.") }
  }

  var settings: Bootstrap { Bootstrap(replicates: bootstrap, confidence: confidence, seed: seed) }
}

extension Metric: ExpressibleByArgument {}
extension Fusion: ExpressibleByArgument {}
extension Sweep: ExpressibleByArgument {}
extension Split: ExpressibleByArgument {}

extension EvaluationReport {
  /// Names what was not scored.
  func complain() {
    for item in notScored {
      Console.complain(
        "\(item.image.name.escaped): not scored by \(item.model): \(item.reason.rawValue): \(item.detail)")
    }
  }
}

extension Dataset {
  /// Says what was passed over.
  func complain() {
    for item in unreadable { Console.complain("\(item.path.escaped): \(item.errno)") }
    if let first = unlabelled.first {
      Console.complain(
        "\(unlabelled.count) files lie in no directory that is a label and are left out, for example \(first.escaped)")
    }
  }
}

/// Runs what a command does; a failure is one line, and exit status 2 (nothing was measured) or 74 (it cannot be written).
func reportingFailures(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as ExitCode {
    throw error
  } catch let error as OutputFailure {
    Console.complain("\(error)")
    throw ExitCode.outputFailed
  } catch {
    Console.complain("\(error)")
    throw ExitCode.notScored
  }
}
