import Checkpoints
import Datasets
import Foundation
import Hashing
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Training

/// A training does not go on from a checkpoint of another one.
@Suite struct TrainingOriginTests {
  private let directory = TemporaryDirectory()
  private let model = SHA256Digest(hashing: [1])

  private func image(_ name: String, _ label: Label) -> LabelledImage {
    LabelledImage(path: directory.path(name), name: FilePath(name), label: label)
  }

  private func origin(_ units: [[LabelledImage]], _ validation: [LabelledImage]) -> TrainingOrigin {
    TrainingOrigin(model: model, units: units.map { TrainingUnit(images: $0) }, validation: validation)
  }

  @Test func everythingThatIsTrainedOnCounts() {
    for name in ["a", "b", "c"] { directory.write("content of \(name)", to: name) }
    let (a, b, c) = (image("a", .real), image("b", .fake), image("c", .real))
    var seen: [Int] = []
    let whole = TrainingOrigin(
      model: model, units: [TrainingUnit(images: [a, b])], validation: [c], observe: { seen.append($0) })
    #expect(seen == [1, 2, 3])
    #expect(origin([[a, b]], [c]) == whole)
    let others = [
      origin([[a], [b]], [c]), origin([[b, a]], [c]), origin([[a, b], [c]], []), origin([[a, b]], []),
      origin([[a, image("b", .real)]], [c]), origin([[a, b]], [image("gone", .real)]),
    ]
    #expect(Set((others + [whole]).map(\.images)).count == 7)
    // Under another name it is the same image.
    directory.write("content of a", to: "copy")
    #expect(origin([[image("copy", .real), b]], [c]) == whole)
    // As many bytes, but others.
    directory.write("content of x", to: "a")
    #expect(origin([[a, b]], [c]) != whole)
  }

  /// The command itself: what has changed is said, and the checkpoint stays as it is.
  @Test func aCheckpointOfAnotherTrainingIsRefused() throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 4)
    let checkpoint = directory.path("run.checkpoint").string
    let arguments = [
      "train", "backbone", directory.path("data").string, "--output", directory.path("out.safetensors").string,
      "--checkpoint", checkpoint, "--crop-size", "16", "--batch", "4", "--epochs", "1", "--model",
    ]
    let first = try TrainingExecutable.run(arguments + [model.string])
    try #require(first.status == 0, "\(first.complaints)")
    let bytes = FileManager.default.contents(atPath: checkpoint)

    func expectRefusal(_ arguments: [String], _ text: String) throws {
      let result = try TrainingExecutable.run(arguments)
      #expect(result.status == 1 && result.complaints.contains(text), "\(result.complaints)")
      #expect(result.complaints.contains("--checkpoint"))
      #expect(FileManager.default.contents(atPath: checkpoint) == bytes)
    }
    try expectRefusal(arguments + [model.string, "--seed", "1"], "other options")
    // A model that differs in one weight.
    var other = try #require(FileManager.default.contents(atPath: model.string))
    other[other.count - 1] ^= 1
    try other.write(to: directory.url.appending(path: "other.safetensors"))
    try expectRefusal(arguments + [directory.path("other.safetensors").string], "another model")
    // One with tensors that the checkpoint does not have.
    let deeper = try TinyTraining.makeModel(
      in: directory, named: "deeper.safetensors", TinyTraining.architecture(blocks: 2))
    try expectRefusal(arguments + [deeper.string], "another model")
    // An image in another one's place.
    let image = directory.url.appending(path: "data/train/real/0.png")
    let original = try Data(contentsOf: image)
    try Data(contentsOf: directory.url.appending(path: "data/train/real/1.png")).write(to: image)
    try expectRefusal(arguments + [model.string], "other images")
    try original.write(to: image)
    #expect(try TrainingExecutable.run(arguments + [model.string]).status == 0)
  }
}
