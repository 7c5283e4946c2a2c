import Checkpoints
import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Detection

/// Checkpoints become models that say what PyTorch says.
@Suite(
  .serialized,
  .enabled(if: TorchReference.isAvailable, "skipped: PyTorch is not installed (apt install python3-torch)"))
struct ImportParityTests {
  private struct Reference: Decodable {
    var width: Int
    var height: Int
    var logit: Double
    /// Σ|wᵢhᵢ| + |b|
    var magnitude: Double
    var architecture: String
  }

  /// Both formats, all floating-point storages, wrappers and prefixes, optimizers beside the network, other memory orders,
  /// heads of two outputs. `nodown-optimizer` is the paper's network as Corvi et al. published it: 282 MB.
  @Test(
    arguments: [
      ("nodown-optimizer", "model."), ("nodown-half-legacy", "state_dict.module."), ("small-bfloat16", "net."),
      ("small-double-legacy", "a.b.model._orig_mod."), ("small-channels-last", ""), ("small-two-classes", ""),
      ("lite-half", "backbone."),
    ])
  func scoresAsPyTorchDoes(_ name: String, _ prefix: String) throws {
    let directory = TemporaryDirectory()
    let seed = UInt64.random(in: 0..<1_000_000)
    let place: Comment = "\(name), seed \(seed)"
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
      .pushing("Support/checkpoint_reference.py")
    let status = TorchReference.status([script.string, "networks", directory.path.string, "\(seed)", name])
    try #require(status == 0, place)
    func content(_ suffix: String) throws -> Data {
      try Data(contentsOf: directory.url.appending(path: name + suffix))
    }
    let reference = try JSONDecoder().decode(Reference.self, from: content(".json"))
    let architecture = try JSONDecoder().decode(Architecture.self, from: Data(reference.architecture.utf8))
    if name.hasPrefix("nodown") { #expect(architecture == NamedArchitecture.resnet50NoDown.architecture) }

    let checkpoint = try Checkpoint(path: directory.path(name + ".pth"))
    var plan = ModelImport(
      architecture: architecture, architectureName: name, preprocessing: architecture.usualPreprocessing, name: name,
      threshold: try #require(Threshold(0.5)), card: "{}")
    if name.contains("two-classes") { plan.fakeClass = 1 }
    let result = try plan.run(checkpoint)
    #expect(result.prefix == prefix, place)
    #expect(result.head == .linear, place)
    let path = directory.path("model.safetensors")
    try result.file.write(to: path)

    let detector = try Detector.load(path)
    let size = ImageSize(width: reference.width, height: reference.height)
    let image = RGBImage(size: size, pixels: Array(try content(".rgb")))
    guard case .scored(let score, _) = try detector.score(image) else {
      Issue.record("\(place): not scored")
      return
    }
    #expect(abs(score.logit - reference.logit) <= 1e-5 * reference.magnitude, place)
    #expect(abs(score.logit - reference.logit) <= 1e-4 * max(1, abs(reference.logit)), place)
  }
}

/// What can be wrong with a checkpoint, said by name.
@Suite struct ImportTests {
  private let directory = TemporaryDirectory()
  private let model: TinyModel
  private let architecture: Architecture

  init() throws {
    model = try TinyModel()
    architecture = try JSONDecoder().decode(Architecture.self, from: Data(TinyModel.resnet.utf8))
  }

  /// The tiny model's tensors in a file of PyTorch.
  private func checkpoint(
    prefix: String = "", _ change: (inout [String: TinyModel.Tensor]) -> Void = { _ in }
  ) throws -> Checkpoint {
    var tensors = model.tensors
    change(&tensors)
    var writer = TorchWriter()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let bytes = tensor.values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
      try writer.add(prefix + name, type: .float32, shape: tensor.shape, bytes: bytes)
    }
    let path = directory.path("checkpoint.pth")
    try Data(writer.serialized()).write(to: URL(fileURLWithPath: path.string))
    return try Checkpoint(path: path)
  }

  private func plan(_ change: (inout ModelImport) -> Void = { _ in }) throws -> ModelImport {
    var plan = ModelImport(
      architecture: architecture, architectureName: "tiny", preprocessing: .imageNet, name: "tiny",
      threshold: try #require(Threshold(0.25)), card: "{}")
    change(&plan)
    return plan
  }

  private func refusal(_ plan: ModelImport, _ checkpoint: Checkpoint) -> DetectionError? {
    #expect(throws: DetectionError.self) { _ = try plan.run(checkpoint) }
  }

  private func tensor(_ shape: [Int], _ value: Float = 1) -> TinyModel.Tensor {
    TinyModel.Tensor(shape: shape, values: Array(repeating: value, count: shape.reduce(1, *)))
  }

  @Test func theModelSaysWhatItIs() throws {
    let result = try plan().run(checkpoint())
    #expect(result.head == .positive && result.prefix.isEmpty && result.ignored == 0 && result.remarks.isEmpty)
    let path = directory.path("model.safetensors")
    try result.file.write(to: path)
    let imported = try Model(path: path)
    #expect(imported.info.name == "tiny" && imported.info.threshold.value == 0.25)
    #expect(imported.info.architecture == architecture && imported.info.preprocessing == .imageNet)
    #expect(imported.head.weights == model.tensors["fc.weight"]?.values.map { Double($0) })
  }

  @Test func anyWrapperIsFound() throws {
    for prefix in ["module.", "net.", "state_dict.model.", "model.0."] {
      let result = try plan().run(checkpoint(prefix: prefix))
      #expect(result.prefix == prefix)
    }
  }

  @Test func missingAndSurplusTensorsAreNamed() throws {
    let missing = refusal(
      try plan(), try checkpoint { $0["layer2.0.bn1.running_var"] = nil })
    #expect(missing?.code == .missingTensor && missing?.message.contains("layer2.0.bn1.running_var") == true)
    let surplus = refusal(
      try plan(), try checkpoint { $0["layer2.1.conv1.weight"] = tensor([6, 6, 3, 3]) })
    #expect(surplus?.code == .surplusTensor && surplus?.message.contains("layer2.1.conv1.weight") == true)
    let bias = refusal(try plan(), try checkpoint { $0["conv1.bias"] = tensor([4]) })
    #expect(bias?.code == .surplusTensor && bias?.message.contains("conv1.bias") == true)
    let shape = refusal(try plan(), try checkpoint { $0["conv1.weight"] = tensor([4, 3, 5, 5]) })
    #expect(shape?.code == .wrongShape && shape?.message.contains("[4, 3, 5, 5]") == true)
    let other = refusal(try plan(), try checkpoint { $0 = ["weight": tensor([1, 768])] })
    #expect(other?.code == .noSingleNetwork)
    // Counters, optimizers and other heads are no part of it.
    let result = try plan().run(
      checkpoint {
        $0["bn1.num_batches_tracked"] = tensor([])
        $0["optimizer.state.0.exp_avg"] = tensor([4, 3, 3, 3])
        $0["aux.weight"] = tensor([3])
      })
    #expect(result.ignored == 3)
  }

  @Test func oneOfSeveralNetworksHasToBeNamed() throws {
    let both = try checkpoint { tensors in
      for (name, tensor) in tensors {
        tensors["average.\(name)"] = tensor
        tensors["model.\(name)"] = tensor
        tensors[name] = nil
      }
    }
    let error = refusal(try plan(), both)
    #expect(error?.code == .noSingleNetwork && error?.message.contains("--prefix") == true)
    #expect(error?.message.contains("\"average\", \"model\"") == true)
    #expect(try plan { $0.prefix = "model" }.run(both).prefix == "model.")
    #expect(refusal(try plan { $0.prefix = "none" }, both)?.code == .missingTensor)
  }

  @Test func headsOfOtherShapes() throws {
    let none = refusal(try plan(), try checkpoint { $0["fc.weight"] = nil })
    #expect(none?.code == .wrongHead && none?.message.contains("no head") == true)
    let two = try checkpoint {
      $0["fc.weight"] = TinyModel.Tensor(shape: [2, 6], values: [1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1])
      $0["fc.bias"] = TinyModel.Tensor(shape: [2], values: [0.5, 2])
    }
    #expect(refusal(try plan(), two)?.message.contains("--fake-class") == true)
    for (index, sign) in [(0, Float(-1)), (1, 1)] {
      let path = directory.path("two.safetensors")
      try plan { $0.fakeClass = index }.run(two).file.write(to: path)
      let head = try Model(path: path).head
      #expect(head.weights == [5, 3, 1, -1, -3, -5].map { Double(sign * $0) } && head.bias == Double(sign) * 1.5)
      #expect(head.kind == .linear)
    }
    let many = refusal(
      try plan(),
      try checkpoint {
        $0["fc.weight"] = tensor([1000, 6])
        $0["fc.bias"] = tensor([1000])
      })
    #expect(many?.code == .wrongHead && many?.message.contains("1000 outputs") == true)
    let narrow = refusal(try plan(), try checkpoint { $0["fc.weight"] = tensor([1, 5]) })
    #expect(narrow?.code == .wrongHead && narrow?.message.contains("6 features") == true)
    // An output that is high for real images; a 1×1 convolution; no bias; another name.
    let turned = try plan { $0.fakeClass = 0 }.run(
      checkpoint {
        $0["classifier.weight"] = tensor([1, 6, 1, 1])
        $0["fc.weight"] = nil
        $0["fc.bias"] = nil
      })
    #expect(turned.head == .linear && turned.remarks.count == 2)
  }

  @Test func architecturesAreTold() throws {
    var writer = TorchWriter()
    for tensor in NamedArchitecture.resnet18.architecture.requiredTensors {
      let count = tensor.shape.reduce(1, *)
      try writer.add("net.\(tensor.name)", type: .uint8, shape: tensor.shape, bytes: Array(repeating: 0, count: count))
    }
    let path = directory.path("resnet.pth")
    try Data(writer.serialized()).write(to: URL(fileURLWithPath: path.string))
    let found = try Checkpoint(path: path)
    #expect(NamedArchitecture.matching(found) == [.resnet18NoDown, .resnet18])
    #expect(try NamedArchitecture.matching(checkpoint()).isEmpty)
    var plan = try plan()
    plan.architecture = NamedArchitecture.resnet50.architecture
    #expect(refusal(plan, found)?.message.contains("--architecture resnet18-nodown or resnet18") == true)
    plan.architecture = NamedArchitecture.resnet18.architecture
    #expect(refusal(plan, found)?.code == .wrongType)
  }
}

private let published = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
  .pushing("../shared/data/checkpoints")

/// The neighbour residual and the third family.
@Suite struct TinyLaDeDaTests {
  /// A complete published detector and its published logits. Its files are in ../shared, which is not part of the
  /// repository.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: published.appending("tinyladeda_forensynth.pth").string),
      "skipped: no ../shared"))
  func thePublishedNetworkGivesItsPublishedLogits() throws {
    let checkpoint = try Checkpoint(path: published.appending("tinyladeda_forensynth.pth"))
    #expect(NamedArchitecture.matching(checkpoint) == [.tinyLaDeDa])
    let name = NamedArchitecture.tinyLaDeDa
    let result = try ModelImport(
      architecture: name.architecture, architectureName: name.rawValue, preprocessing: name.preprocessing,
      name: "tiny", threshold: #require(Threshold(0.5)), card: "{}"
    ).run(checkpoint)
    let directory = TemporaryDirectory()
    let path = directory.path("tiny.safetensors")
    try result.file.write(to: path)
    let detector = try Detector.load(path)
    #expect(detector.model.parameterCount == 1_297 && detector.model.head == .linear)
    for (image, logit) in [("example_real.png", -30.2495), ("example_fake.png", 55.9801)] {
      let file = try FileDescriptor.open(published.appending(image), .readOnly)
      let outcome = try file.closeAfter {
        var reader = try ImageReader(descriptor: file.rawValue, limits: ImageLimits())
        return try detector.score(&reader)
      }
      guard case .scored(let score, _) = outcome else {
        Issue.record("\(image): \(outcome)")
        continue
      }
      #expect(abs(score.logit - logit) < 2e-4, "\(image): \(score.logit)")
    }
  }

  private func model() throws -> TinyModel {
    var model = try TinyModel(architecture: #"{"family":"tiny-ladeda","width":8}"#, head: "linear")
    model.metadata["preprocessing"] = #"{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25],"residual":"nearest"}"#
    return model
  }

  private func image(_ width: Int, _ height: Int, _ value: (Int, Int, Int) -> UInt8) -> RGBImage {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width { for channel in 0..<3 { pixels.append(value(x, y, channel)) } }
    }
    return RGBImage(size: ImageSize(width: width, height: height), pixels: pixels)
  }

  /// Bands cut anywhere, and sizes of either parity.
  @Test func streamingIsExact() throws {
    try model().withFile { path in
      let (streaming, whole) = (try Detector.load(path), try Detector.load(path, streaming: false))
      for (width, height) in [(5, 5), (6, 9), (33, 64), (700, 401), (1_201, 900)] {
        let image = image(width, height) { UInt8(truncatingIfNeeded: $0 * 7 ^ $1 * 13 &+ $2 * $0 * $1) }
        guard case .scored(let score, _) = try streaming.score(image),
          case .scored(let other, _) = try whole.score(image)
        else {
          Issue.record("\(width)×\(height) was not scored")
          continue
        }
        #expect(abs(score.logit - other.logit) <= 1e-6 * max(1, abs(other.logit)), "\(width)×\(height)")
      }
      guard case .notScored(.tooSmall, _) = try streaming.score(image(4, 50) { _, _, _ in 0 }) else {
        Issue.record("4×50 was scored")
        return
      }
    }
  }

  /// Blocks of 2×2 equal pixels leave nothing, whatever their colours; of an odd size the last ones stand alone.
  @Test func theResidualIsOfBlocks() throws {
    try model().withFile { path in
      let detector = try Detector.load(path)
      func logit(_ image: RGBImage) throws -> Double {
        guard case .scored(let score, _) = try detector.score(image) else { return .nan }
        return score.logit
      }
      for (width, height) in [(32, 32), (33, 47)] {
        let blocks = image(width, height) { UInt8(truncatingIfNeeded: $0 / 2 * 91 &+ $1 / 2 * 57 &+ $2 * 5) }
        let grey = image(width, height) { _, _, _ in 77 }
        #expect(try logit(blocks) == logit(grey))
        var changed = blocks
        changed = image(width, height) { x, y, c in
          x == 9 && y == 11 && c == 1 ? 200 : blocks.pixels[3 * (y * width + x) + c]
        }
        #expect(try logit(changed) != logit(grey))
      }
    }
  }
}
