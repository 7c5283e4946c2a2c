import ArgumentParser
import Detection
import NeuralNetwork
import StayposCore
import SystemPackage
import Training

/// For Benchmarks/training: steps of a network's training on batches of noise, which others make, too.
struct BenchBackboneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-backbone", abstract: "Train a network with random weights (for Benchmarks/training).",
    shouldDisplay: false)

  @Argument(help: "The network.")
  var architecture: ArchitectureArgument

  @Option var cropSize = 96
  @Option var batch = 16
  @Option var steps = 3
  @Option var threads = 2
  @Option var precision = TrainingPrecision.fp32

  @Flag(help: "Train the head alone.")
  var headOnly = false

  private struct Record: Encodable {
    /// Of each step but the first, which compiles.
    var seconds: [Double]
    /// Before each step.
    var losses: [Double]
    var peakBytes: Int?
  }

  func validate() throws {
    guard cropSize > 0, batch > 1, steps > 0, threads > 0 else {
      throw ValidationError("Numbers have to be above 0, --batch above 1.")
    }
  }

  func run() throws {
    let backbone = try RandomModel(architecture).withFile { try TrainableBackbone(path: $0) }
    let network = try TrainableNetwork(
      backbone.graph, states: backbone.states, epsilon: backbone.epsilon, type: precision.elements,
      threads: threads)
    var head = TrainableHead(features: network.featureCount)
    var random = SplitMix64(seed: 1)
    let crops = (0..<batch * cropSize * cropSize * 3).map { _ in Float(random.nextUniform() * 4 - 2) }
    let labels = (0..<batch).map { Float($0 % 2) }
    let clock = ContinuousClock()
    var (times, losses): ([Double], [Double]) = ([], [])
    for step in 0...steps {
      let start = clock.now
      let features = try network.forward(crops, height: cropSize, width: cropSize, usesBatchStatistics: true)
      let (loss, own, inputs) = head.loss(features, labels: labels)
      if !headOnly {
        try network.backward(inputs)
        network.update(rate: 1e-4, step: step + 1)
      }
      head.step(own, rate: 1e-4, clamps: false)
      times.append((clock.now - start) / .seconds(1))
      losses.append(loss)
    }
    try Console.write(
      json: Record(seconds: Array(times.dropFirst()), losses: losses, peakBytes: ProcessMemory.peak))
  }
}
