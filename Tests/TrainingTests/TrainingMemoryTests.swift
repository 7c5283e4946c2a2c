import Detection
import Foundation
import NeuralNetwork
import SystemPackage
import TestSupport
import Testing

@testable import Training

/// What a batch is said to take before the training begins, and what a process has had resident after it.
@Suite struct TrainingMemoryTests {
  private let directory = TemporaryDirectory()

  private static let architecture = TinyTraining.architecture(widths: [32, 48])
  private static let side = 64

  private func peak(batch: Int, _ options: [String]) throws -> Int {
    let file = directory.path("network.json")
    try Data(Self.architecture.utf8).write(to: URL(filePath: file.string))
    let arguments = [
      "bench-backbone", file.string, "--crop-size", "\(Self.side)", "--batch", "\(batch)", "--steps", "1",
    ]
    let result = try TrainingExecutable.run(arguments + options)
    try #require(result.status == 0, "\(result.complaints)")
    let record = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    return try #require(record["peakBytes"] as? Int)
  }

  /// The difference between two batches: all else is the same.
  @Test(arguments: [false, true]) func aBatchTakesWhatIsSaid(_ trainsHeadAlone: Bool) throws {
    let backbone = try TrainableBackbone(path: TinyTraining.makeModel(in: directory, Self.architecture))
    let network = try TrainableNetwork(backbone.graph, states: backbone.states, epsilon: backbone.epsilon, threads: 1)
    let (few, many) = (32, 128)
    func said(_ batch: Int) -> Int {
      network.memory(batch: batch, height: Self.side, width: Self.side, backward: !trainsHeadAlone)
    }
    let options = trainsHeadAlone ? ["--head-only"] : []
    let taken = try peak(batch: many, options) - peak(batch: few, options)
    let share = Double(said(many) - said(few)) / Double(taken)
    print("figure: memory said beforehand, \(options): \(share) of what is taken")
    #expect((0.85...1.15).contains(share), "\(share) of what is taken")
  }
}
