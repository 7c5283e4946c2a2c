import Checkpoints
import FoundationEssentials
import Hashing
import NeuralNetwork
import StayposCore
import SystemPackage

/// A model file, read and checked completely: a `Model` can be run.
package struct Model: Sendable {
  static let format = "staypos-model"
  static let formatVersion = "1"
  /// F32 (convolutions): ``Calibration/ranges``. Optional.
  static let calibrationName = "int8.ranges"

  package let info: ModelInfo
  package let head: Head
  let graph: Graph
  /// Parallel to `graph.convolutions`, BatchNorm folded in.
  let parameters: [ConvolutionParameters]
  /// For int8; nil if the file has none.
  package var calibration: Calibration?

  /// Follows symbolic links.
  package init(path: FilePath) throws(DetectionError) {
    let file: SafetensorsFile
    do throws(CheckpointError) {
      file = try SafetensorsFile(path: path)
    } catch {
      throw DetectionError(.unreadable, "cannot read the model: \(error)", checkpoint: error)
    }
    try self.init(file)
  }

  /// - Parameters:
  ///   - descriptor: open for reading; borrowed, and may be closed afterwards.
  ///   - path: for error messages only.
  package init(descriptor: CInt, path: FilePath? = nil) throws(DetectionError) {
    let file: SafetensorsFile
    do throws(CheckpointError) {
      file = try SafetensorsFile(descriptor: descriptor, path: path)
    } catch {
      throw DetectionError(.unreadable, "cannot read the model: \(error)", checkpoint: error)
    }
    try self.init(file)
  }

  init(_ file: SafetensorsFile) throws(DetectionError) {
    do throws(DetectionError) {
      let metadata = try ModelMetadata(file.metadata)
      let definition = metadata.architecture.definition
      let required = definition.requiredTensors
      try file.check(required)
      head = try Head(
        metadata.head, weights: file.values(Head.weightName), bias: file.values(Head.biasName).first ?? .nan)
      graph = definition.graph
      var parameters: [ConvolutionParameters] = []
      for names in definition.layers {
        parameters.append(try file.convolution(names, epsilon: definition.epsilon))
      }
      self.parameters = parameters
      calibration = try file.calibration(graph)
      info = ModelInfo(
        name: metadata.name, sha256: file.withFileBytes { SHA256Digest(hashing: $0) }, threshold: metadata.threshold,
        head: metadata.head, architecture: metadata.architecture, preprocessing: metadata.preprocessing,
        card: metadata.card,
        parameterCount: required.reduce(0) { $1.isParameter ? $0 + $1.shape.reduce(1, *) : $0 })
    } catch {
      guard let path = file.path else { throw error }
      var error = error
      error.message = "\(path.escaped): \(error.message)"
      throw error
    }
  }
}

extension SafetensorsFile {
  /// Types that hold weights.
  private static var weightTypes: Set<ElementType> { [.float32, .float16, .bfloat16, .float64] }

  fileprivate func check(_ required: [RequiredTensor]) throws(DetectionError) {
    for tensor in required {
      guard let found = tensors[tensor.name] else {
        throw DetectionError(
          .missingTensor, "the tensor \(tensor.name) is missing: the file does not hold the architecture that it claims"
        )
      }
      guard found.shape == tensor.shape else {
        throw DetectionError(
          .wrongShape, "the tensor \(tensor.name) has shape \(found.shape), the architecture needs \(tensor.shape)")
      }
      guard Self.weightTypes.contains(found.type) else {
        throw DetectionError(
          .wrongType, "the tensor \(tensor.name) holds \(found.type.rawValue), not floating-point numbers")
      }
    }
  }

  fileprivate func values(_ name: String) throws(DetectionError) -> [Float] {
    do throws(CheckpointError) {
      return try floats(name)
    } catch {
      throw DetectionError(.unreadable, "cannot read the model: \(error)", checkpoint: error)
    }
  }

  /// One number for each convolution, in order, under a name of its own.
  fileprivate func calibration(_ graph: Graph) throws(DetectionError) -> Calibration? {
    let name = Model.calibrationName
    guard tensors[name] != nil else { return nil }
    try check([RequiredTensor(name: name, shape: [graph.convolutions.count], isParameter: false)])
    let ranges = try values(name)
    guard ranges.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw DetectionError(.badValues, "the tensor \(name) holds something else than finite numbers from 0 on")
    }
    return Calibration(ranges: ranges)
  }

  fileprivate func convolution(
    _ names: NetworkDefinition.LayerNames, epsilon: Double
  ) throws(DetectionError) -> ConvolutionParameters {
    let weights = try values(names.weight)
    guard let name = names.normalization else {
      guard weights.allSatisfy(\.isFinite) else {
        throw DetectionError(.badValues, "the tensor \(names.weight) does not hold finite numbers alone")
      }
      let outputs = tensors[names.weight]?.shape.first ?? 0
      return ConvolutionParameters(weights: weights, bias: Array(repeating: 0, count: outputs))
    }
    let normalization = BatchNormalization(
      gamma: try values("\(name).weight"), beta: try values("\(name).bias"), mean: try values("\(name).running_mean"),
      variance: try values("\(name).running_var"), epsilon: epsilon)
    do throws(NetworkError) {
      return try ConvolutionParameters(weights: weights, folding: normalization)
    } catch {
      throw DetectionError(
        .badValues, "the tensors \(names.weight) and \(name).* cannot be used: \(error)", network: error)
    }
  }
}
