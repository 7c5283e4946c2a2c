import Checkpoints
import FoundationEssentials
import StayposCore
import SystemPackage

/// Makes a model file of a checkpoint.
package struct ModelImport {
  package var architecture: Architecture
  /// For messages.
  package var architectureName: String
  package var preprocessing: Preprocessing
  /// Where the network is in the checkpoint; nil: where its names are found.
  package var prefix: String?
  /// Which of the head's outputs speaks for a generated image: of one output, 1 (high is generated) or 0 (high is real);
  /// of two, the index of it. nil: one output, high is generated.
  package var fakeClass: Int?
  package var name: String
  package var threshold: Threshold
  /// JSON.
  package var card: String

  package init(
    architecture: Architecture, architectureName: String, preprocessing: Preprocessing, name: String,
    threshold: Threshold, card: String
  ) {
    self.architecture = architecture
    self.architectureName = architectureName
    self.preprocessing = preprocessing
    self.name = name
    self.threshold = threshold
    self.card = card
  }

  /// What became of the checkpoint's tensors.
  package struct Result {
    /// Complete but for the values' own faults, which reading the model finds.
    package var file: SafetensorsWriter
    package var head: Head.Kind
    /// In front of the network's names.
    package var prefix: String
    /// Tensors that were taken.
    package var taken: Int
    /// Tensors that were left: an optimizer's, counters, other heads.
    package var ignored: Int
    /// What was assumed, for people.
    package var remarks: [String]
  }

  package func run(_ checkpoint: Checkpoint) throws(DetectionError) -> Result {
    if let problem = architecture.problem {
      throw DetectionError(.badMetadata, "the architecture is not valid: \(problem)")
    }
    if let problem = preprocessing.problem {
      throw DetectionError(.badMetadata, "the preprocessing is not valid: \(problem)")
    }
    let required = architecture.backboneTensors
    let network = try network(required, in: checkpoint)
    try check(network, required, checkpoint)
    let head = try ImportedHead(
      network, features: architecture.definition.featureCount, fakeClass: fakeClass, checkpoint)
    var file = SafetensorsWriter(metadata: try metadata(head.kind))
    do throws(CheckpointError) {
      for tensor in required {
        guard let found = network.tensors[tensor.name] else { continue }
        switch found.type {
        // What a model file may hold, as it is; F64 as the network will round it.
        case .float16, .bfloat16, .float32:
          try file.add(tensor.name, type: found.type, shape: tensor.shape, bytes: checkpoint.bytes(of: found))
        default: try file.add(tensor.name, shape: tensor.shape, floats: checkpoint.floats(of: found))
        }
      }
      try file.add(Head.weightName, shape: [1, head.weights.count], floats: head.weights)
      try file.add(Head.biasName, shape: [1], floats: [head.bias])
    } catch {
      throw DetectionError(.unreadable, "\(error)", checkpoint: error)
    }
    let taken = required.count + head.tensorCount
    return Result(
      file: file, head: head.kind, prefix: network.prefix, taken: taken, ignored: checkpoint.tensors.count - taken,
      remarks: head.remarks)
  }

  /// Where the network's tensors are.
  private func network(
    _ required: [RequiredTensor], in checkpoint: Checkpoint
  ) throws(DetectionError) -> StateDictionary {
    if let prefix { return StateDictionary(checkpoint, prefix: prefix) }
    let prefixes = StateDictionary.prefixes(of: Set(required.map(\.name)), in: checkpoint)
    guard let best = prefixes.first else {
      throw DetectionError(
        .noSingleNetwork,
        "\(checkpoint.path.escaped) holds no tensor of \(architectureName)" + Self.suggestion(checkpoint))
    }
    let complete = prefixes.filter { $0.count == required.count }
    guard complete.count <= 1 else {
      let names = complete.map { "\"\($0.prefix.dropLast())\"" }.joined(separator: ", ")
      throw DetectionError(
        .noSingleNetwork,
        "\(checkpoint.path.escaped) holds several networks, below \(names): say which with --prefix")
    }
    return StateDictionary(checkpoint, prefix: best.prefix)
  }

  private func check(
    _ network: StateDictionary, _ required: [RequiredTensor], _ checkpoint: Checkpoint
  ) throws(DetectionError) {
    let place =
      "\(checkpoint.path.escaped)" + (network.prefix.isEmpty ? "" : ", below \"\(network.prefix.dropLast())\"")
    let missing = required.map(\.name).filter { network.tensors[$0] == nil }
    guard missing.isEmpty else {
      throw DetectionError(
        .missingTensor,
        "\(place): \(missing.count) of the \(required.count) tensors of \(architectureName) are missing: "
          + Self.list(missing) + Self.suggestion(checkpoint))
    }
    for tensor in required {
      guard let found = network.tensors[tensor.name] else { continue }
      guard found.shape == tensor.shape else {
        throw DetectionError(
          .wrongShape,
          "\(place): the tensor \(tensor.name) has shape \(found.shape), \(architectureName) needs \(tensor.shape)"
            + Self.suggestion(checkpoint))
      }
      guard Self.weightTypes.contains(found.type) else {
        throw DetectionError(
          .wrongType, "\(place): the tensor \(tensor.name) holds \(found.type.rawValue), not floating-point numbers")
      }
    }
    let surplus = network.surplus(to: required)
    guard surplus.isEmpty else {
      throw DetectionError(
        .surplusTensor,
        "\(place): \(surplus.count) tensors have no place in \(architectureName): " + Self.list(surplus)
          + Self.suggestion(checkpoint))
    }
  }

  static let weightTypes: Set<ElementType> = [.float16, .bfloat16, .float32, .float64]

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? shown + ", … (\(names.count - 5) more)" : shown
  }

  private static func suggestion(_ checkpoint: Checkpoint) -> String {
    let names = NamedArchitecture.matching(checkpoint).map(\.rawValue)
    guard !names.isEmpty else {
      return "; no architecture that has a name fits (staypos model inspect lists what is in the file)"
    }
    return "; the tensors are those of --architecture \(names.joined(separator: " or "))"
  }

  private func metadata(_ head: Head.Kind) throws(DetectionError) -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return [
        "format": Model.format, "format_version": Model.formatVersion, "name": name, "head": head.rawValue,
        "threshold": "\(threshold.value)",
        "architecture": String(decoding: try encoder.encode(architecture), as: UTF8.self),
        "preprocessing": String(decoding: try encoder.encode(preprocessing), as: UTF8.self), "card": card,
      ]
    } catch {
      throw DetectionError(.badMetadata, "the architecture cannot be written as JSON: \(error)")
    }
  }
}
