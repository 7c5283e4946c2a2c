import ArgumentParser
import Glibc
import NeuralNetwork
import StayposCore
import SystemPackage
import Training

/// For Benchmarks/training: a head on a table of numbers that others train on, too.
struct BenchHeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-head", abstract: "Train a head on a file of numbers (for Benchmarks/training).",
    shouldDisplay: false)

  @Argument(help: "fp32, row by row; beside it FILE.labels: 1 or 0 for each row.")
  var file: PathArgument

  @Argument var rows: Int
  @Argument var columns: Int

  @Option var optimizer = HeadTraining.Optimizer.newton
  @Option var epochs = 5
  @Option var threads = 2

  private struct Record: Encodable {
    var loss: Double
    var seconds: Double
    var steps: Int
    var hasConverged: Bool
    var weightsAboveZero: Int
    /// After each step.
    var losses: [Double]
    var times: [Double]
  }

  func validate() throws {
    guard rows > 0, columns > 0, epochs > 0, threads > 0 else { throw ValidationError("Numbers have to be above 0.") }
  }

  func run() throws {
    let table = try FeatureTable.mapping(contentsOf: file.path, rows: rows, columns: columns)
    let labels = try FeatureTable.mapping(
      contentsOf: FilePath(bytes: file.path.bytes + Array(".labels".utf8)) ?? file.path, rows: 1, columns: rows)
    var samples = LabelledRows()
    for (row, label) in labels.row(0).enumerated() { samples.append(row, isGenerated: label == 1) }
    guard samples.hasBothLabels else { throw Failure("both labels are needed") }
    var training = HeadTraining(threads: threads)
    training.optimizer = optimizer
    training.adam.epochLimit = epochs
    let result = try training.run(table, training: samples, validation: nil)
    let metrics = HeadMetrics(result.model, on: table, samples, threads: threads)
    try Console.write(
      json: Record(
        loss: metrics.loss, seconds: result.seconds, steps: result.steps.count,
        hasConverged: result.hasConverged, weightsAboveZero: result.model.weights.count { $0 > 0 },
        losses: result.steps.map(\.loss), times: result.steps.map(\.seconds)))
  }
}
