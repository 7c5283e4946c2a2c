import ArgumentParser
import Datasets
import Evaluation
import StayposCore
import SystemPackage

/// What measuring on labelled images takes, whatever happens to them.
struct EvaluationOptions: ParsableArguments {
  @OptionGroup var models: EvaluatedModels

  @Option(help: ArgumentHelp("Only images of this part of the data set: train, val or test.", valueName: "part"))
  var split: Split?

  @OptionGroup var intervals: IntervalOptions
  @OptionGroup var threshold: ThresholdOption

  @Option(name: [.short, .long], help: ArgumentHelp("Where the files go.", valueName: "directory"))
  var output: PathArgument?

  @OptionGroup var limits: LimitOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  /// Says what is passed over, too.
  func dataset(_ path: FilePath) throws -> Dataset {
    let dataset = try Dataset(reading: path, split: split)
    dataset.complain()
    return dataset
  }

  func scoring(_ images: [LabelledImage]) -> DatasetScoring {
    DatasetScoring(
      images: images, limits: limits.limits, seed: intervals.seed, directory: output?.path.appending("scores"))
  }
}

/// The data set of commands that need one.
struct DatasetOption: ParsableArguments {
  @Option(help: ArgumentHelp("The data set: a directory, or a list in CSV.", valueName: "path"))
  var data: PathArgument

  var path: FilePath { data.path }
}

/// For commands that have such a table.
struct MetricOption: ParsableArguments {
  @Option(help: ArgumentHelp("The metric of the table that compares models.", valueName: "metric"))
  var metric = Metric.averagePrecision
}

/// How surely something is measured.
struct IntervalOptions: ParsableArguments {
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
  /// Names what was not scored; of many for one reason, some: the reports have them all.
  func complain() {
    var counts: [String: Int] = [:]
    for item in notScored {
      let kind = "not scored by \(item.model): \(item.reason.rawValue)"
      counts[kind, default: 0] += 1
      if counts[kind, default: 0] <= Self.namedExamples {
        Console.complain("\(item.image.name.escaped): \(kind): \(item.detail)")
      }
    }
    for (kind, count) in counts.sorted(by: { $0.key < $1.key }) where count > Self.namedExamples {
      Console.complain("and \(count - Self.namedExamples) more \(kind)")
    }
  }

  private static var namedExamples: Int { 5 }
}

extension Dataset {
  /// Says what was passed over.
  func complain() {
    for item in unreadable { Console.complain("\(item.path.escaped): \(item.errno)") }
    guard let first = unlabelled.first else { return }
    let reason = "in no directory that is a label and"
    Console.complain(
      unlabelled.count == 1
        ? "\(first.escaped) lies \(reason) is left out"
        : "\(unlabelled.count) files lie \(reason) are left out, for example \(first.escaped)")
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
