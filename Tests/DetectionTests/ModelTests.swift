import Checkpoints
import Foundation
import Hashing
import StayposCore
import SystemPackage
import Testing

@testable import Detection

@Suite struct ModelTests {
  @Test func readsWhatTheFileSays() throws {
    try TinyModel().withFile { path in
      let model = try Model(path: path)
      #expect(model.info.name == "tiny")
      #expect(model.info.threshold.value == 0.25)
      #expect(model.info.head == .positive)
      #expect(model.info.minimumSize == 1)
      #expect(model.info.card == #"{"licence":"CC0-1.0"}"#)
      #expect(model.info.preprocessing == Preprocessing(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]))
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path.string)))
      #expect(model.info.sha256 == SHA256Digest(hashing: bytes))
      // Stem 3·4·9 + 8; block 1 2·(4·4·9 + 8); block 2 4·6·9 + 12, 6·6·9 + 12, 4·6 + 12; head 6 + 1.
      #expect(model.info.parameterCount == 116 + 304 + 228 + 336 + 36 + 7)
    }
  }

  @Test func readsFromADescriptorThatIsClosedAfterwards() throws {
    try TinyModel().withFile { path in
      let descriptor = try FileDescriptor.open(path, .readOnly)
      let model = try descriptor.closeAfter { try Model(descriptor: descriptor.rawValue) }
      let other = try Model(path: path)
      #expect(model.info.sha256 == other.info.sha256)
      _ = try Detector(model: model)
    }
  }

  /// What else the file holds does not matter: PyTorch counts batches.
  @Test func otherTensorsAreIgnored() throws {
    var model = try TinyModel()
    model.tensors["bn1.num_batches_tracked"] = TinyModel.Tensor(type: .int64, shape: [], values: [0])
    try model.withFile { _ = try Model(path: $0) }
  }

  @Test(arguments: [
    ("format", nil, DetectionError.Code.notAModel), ("format", "pt", .notAModel),
    ("format_version", nil, .badMetadata), ("format_version", "2", .unsupportedVersion),
    ("name", nil, .badMetadata), ("name", "", .badMetadata), ("name", "a\u{1B}[2J", .badMetadata),
    ("head", nil, .badMetadata), ("head", "mlp", .badMetadata),
    ("threshold", nil, .badMetadata), ("threshold", "high", .badMetadata), ("threshold", "nan", .badMetadata),
    ("threshold", "1.5", .badMetadata), ("threshold", "-0.1", .badMetadata),
    ("architecture", nil, .badMetadata), ("architecture", "{", .badMetadata),
    ("architecture", #"{"family":"vit"}"#, .badMetadata), ("architecture", #"{"family":"resnet"}"#, .badMetadata),
    ("preprocessing", nil, .badMetadata), ("preprocessing", #"{"mean":[0,0,0]}"#, .badMetadata),
    ("preprocessing", #"{"mean":[0,0,0],"std":[1,1]}"#, .badMetadata),
    ("preprocessing", #"{"mean":[0,0,0],"std":[1,0,1]}"#, .badMetadata),
    ("preprocessing", #"{"mean":[0,0,0],"std":[1,-1,1]}"#, .badMetadata),
  ])
  func metadataThatAreNotRight(_ key: String, _ value: String?, _ code: DetectionError.Code) throws {
    var model = try TinyModel()
    model.metadata[key] = value
    let error = try refusal(of: model)
    #expect(error.code == code)
    #expect(
      error.message.contains(code == .notAModel ? "staypos-model" : code == .unsupportedVersion ? "version" : key))
  }

  /// Numbers that would overflow, take for ever or leave nothing of a small image.
  @Test(arguments: [
    (#""kernel":3"#, #""kernel":0"#), (#""kernel":3"#, #""kernel":9223372036854775807"#),
    (#""kernel":3"#, #""kernel":5"#), (#""stride":2,"padding""#, #""stride":0,"padding""#),
    (#""padding":1"#, #""padding":-1"#), (#""padding":1"#, #""padding":3"#), (#"[4,6]"#, #"[4,-6]"#),
    (#"[4,6]"#, #"[4,6000000000]"#),
    (#"[4,6]"#, #"[]"#), (#""depths":[1,1]"#, #""depths":[1,1,1]"#), (#""depths":[1,1]"#, #""depths":[1,1000000]"#),
    (#""depths":[1,1]"#, #""depths":[0,1]"#), (#""strides":[1,2]"#, #""strides":[1,0]"#),
    (#"basic"#, #"wide"#), (#""pool":null"#, #""pool":{"kernel":3,"stride":1,"padding":4}"#),
    (#""pool":null"#, #""pool":{"kernel":3,"stride":1,"padding":0}"#),
  ])
  func architecturesThatCannotBeBuilt(_ old: String, _ new: String) throws {
    var model = try TinyModel()
    let changed = TinyModel.resnet.replacingOccurrences(of: old, with: new)
    try #require(changed != TinyModel.resnet)
    model.metadata["architecture"] = changed
    #expect(try refusal(of: model).code == .badMetadata)
  }

  @Test(arguments: ["conv1.weight", "bn1.running_var", "layer2.0.downsample.0.weight", "fc.weight", "fc.bias"])
  func tensorsThatAreMissingOrWrong(_ name: String) throws {
    var model = try TinyModel()
    let tensor = try #require(model.tensors[name])
    model.tensors[name] = nil
    #expect(try refusal(of: model).code == .missingTensor)
    model.tensors[name] = TinyModel.Tensor(shape: tensor.shape + [1], values: tensor.values)
    #expect(try refusal(of: model).code == .wrongShape)
    model.tensors[name] = TinyModel.Tensor(type: .int32, shape: tensor.shape, values: tensor.values)
    #expect(try refusal(of: model).code == .wrongType)
    for value in [Float.nan, .infinity] {
      var values = tensor.values
      values[values.count - 1] = value
      model.tensors[name] = TinyModel.Tensor(shape: tensor.shape, values: values)
      let error = try refusal(of: model)
      #expect(error.code == .badValues)
    }
  }

  @Test func aNegativeVarianceIsRefused() throws {
    var model = try TinyModel()
    model.tensors["layer1.0.bn2.running_var"]?.values[1] = -1
    let error = try refusal(of: model)
    #expect(error.code == .badValues && error.message.contains("layer1.0.bn2"))
  }

  @Test func aPositiveHeadWithANegativeWeightIsRefused() throws {
    var model = try TinyModel()
    model.tensors["fc.weight"]?.values[2] = -1e-30
    #expect(try refusal(of: model).code == .negativeWeight)
    // The same file may say that its head is linear.
    model.metadata["head"] = "linear"
    #expect(try model.withFile { try Model(path: $0).info.head } == .linear)
    // The constraint clamps at zero, of whatever sign, and leaves the bias free.
    var clamped = try TinyModel()
    clamped.tensors["fc.weight"]?.values[2] = -0.0
    clamped.tensors["fc.bias"]?.values[0] = -3
    #expect(try clamped.withFile { try Model(path: $0).head.bias } == -3)
  }

  @Test func filesThatAreNoSafetensors() throws {
    let directory = FilePath(FileManager.default.temporaryDirectory.path)
    func code(_ path: FilePath) -> DetectionError.Code? {
      do throws(DetectionError) {
        _ = try Model(path: path)
        return nil
      } catch {
        #expect(error.checkpoint != nil && error.message.contains(path.escaped))
        return error.code
      }
    }
    #expect(code(directory.appending("staypos-\(UUID().uuidString)")) == .unreadable)
    #expect(code(directory) == .unreadable)
    try TinyModel().withFile { path in
      #expect(truncate(path.string, 1_000) == 0)
      #expect(code(path) == .unreadable)
      #expect(truncate(path.string, 0) == 0)
      #expect(code(path) == .unreadable)
    }
  }

  private func refusal(of model: TinyModel) throws -> DetectionError {
    try model.withFile { path in
      let error = try #require(throws: DetectionError.self) { _ = try Model(path: path) }
      #expect(error.message.contains(path.escaped))
      return error
    }
  }
}
