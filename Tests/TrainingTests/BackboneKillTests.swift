import Checkpoints
import Dispatch
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `staypos train backbone` is killed at random moments, and goes on.
@Suite struct BackboneKillTests {
  private let directory = TemporaryDirectory()

  /// A run of the executable that is killed after a while, unless it has ended by then.
  /// - Returns: whether it was killed; seconds that it ran; what it said.
  private func train(_ output: FilePath, _ model: FilePath, checkpoint: FilePath, killAfter limit: Double?) throws
    -> (isKilled: Bool, seconds: Double, complaints: String)
  {
    let process = Process()
    process.executableURL = TrainingExecutable.url
    process.arguments = [
      "train", "backbone", directory.path("data").string, "--model", model.string, "--output", output.string,
      "--checkpoint", checkpoint.string, "--checkpoint-interval", "1", "--crop-size", "24", "--batch", "6",
      "--epochs", "3", "--learning-rate", "3e-3", "--seed", "5", "--threads", "2", "--name", "killed",
    ]
    let complaints = Pipe()
    process.standardError = complaints
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    let clock = ContinuousClock()
    let start = clock.now
    try process.run()
    if let limit, ended.wait(timeout: .now() + limit) == .timedOut { kill(process.processIdentifier, SIGKILL) }
    let text = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let isKilled = process.terminationReason == .uncaughtSignal
    #expect(isKilled ? process.terminationStatus == SIGKILL : process.terminationStatus == 0, "\(text)")
    return (isKilled, (clock.now - start) / .seconds(1), text)
  }

  /// However often and whenever it dies: the same model and the same checkpoint, bit for bit, as without.
  @Test func aKilledTrainingEndsAsIfNothingHadHappened() throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 10)
    let whole = (output: directory.path("whole.safetensors"), checkpoint: directory.path("whole.checkpoint"))
    let uninterrupted = try train(whole.output, model, checkpoint: whole.checkpoint, killAfter: nil)
    try #require(!uninterrupted.isKilled)

    let seed = UInt64.random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    let output = directory.path("killed.safetensors")
    let checkpoint = directory.path("killed.checkpoint")
    let manager = FileManager.default
    var (kills, resumptions, longest) = (0, 0, 0.6 * uninterrupted.seconds)
    for _ in 0..<60 where kills < 6 || resumptions < 3 {
      let run = try train(
        output, model, checkpoint: checkpoint, killAfter: Double.random(in: 0.02 * longest...longest, using: &random))
      if run.complaints.contains("going on") { resumptions += 1 }
      if run.isKilled {
        kills += 1
      } else {
        // It got through, on a machine that has become faster: from the start again, and sooner.
        for path in [output, checkpoint] { try manager.removeItem(atPath: path.string) }
        longest *= 0.7
      }
    }
    print("figure: training killed \(kills) times, \(resumptions) times gone on, seed \(seed)")
    #expect(kills >= 6 && resumptions >= 3, "seed \(seed): \(kills) kills, \(resumptions) resumptions")
    _ = try train(output, model, checkpoint: checkpoint, killAfter: nil)

    let message = Comment("seed \(seed): \(kills) kills, \(resumptions) resumptions")
    #expect(
      manager.contents(atPath: output.string) == manager.contents(atPath: whole.output.string), message)
    #expect(
      manager.contents(atPath: checkpoint.string) == manager.contents(atPath: whole.checkpoint.string), message)
    let trained = try SafetensorsFile(path: output)
    let untrained = try SafetensorsFile(path: model)
    #expect(try trained.floats("conv1.weight") != untrained.floats("conv1.weight"))
    // Nothing of what they were writing lies about.
    let left = try manager.contentsOfDirectory(atPath: directory.path.string).sorted()
    #expect(
      left == [
        "data", "killed.checkpoint", "killed.safetensors", "tiny.safetensors", "whole.checkpoint", "whole.safetensors",
      ], message)
  }
}
