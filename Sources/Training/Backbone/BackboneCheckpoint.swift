import Checkpoints
import FoundationEssentials
import NeuralNetwork
import StayposCore
import SystemPackage

/// All that a training of a network needs to go on: a safetensors file, replaced in one step, so that a process that is killed
/// at any moment leaves the last one or the new one.
package struct BackboneCheckpoint {
  /// Besides the tensors.
  package struct Place: Codable {
    package var settings: BackboneSettings
    var schedule: PlateauSchedule
    var stepCount: Int
    var position: Int
    var lossSum: Double
    var cropCount: Int
    package var steps: [TrainingStep]
    var isFinished: Bool
    var origin: TrainingOrigin

    /// Why a training cannot go on from here, and what to do; nil if it can.
    fileprivate func obstacle(for settings: BackboneSettings, _ origin: TrainingOrigin) -> String? {
      let advice = "or name another --checkpoint to begin anew"
      if self.settings != settings { return "is of a training with other options: use those, \(advice)" }
      if self.origin.model != origin.model {
        return "is of a training that began with another model (SHA-256 \(self.origin.model)): use that, \(advice)"
      }
      if self.origin.images != origin.images {
        return "is of a training with other images: some have changed, come or gone since; bring them back, \(advice)"
      }
      return nil
    }
  }

  var states: [ConvolutionState]
  var moments: [(first: ConvolutionGradient, second: ConvolutionGradient)]
  var head: TrainableHead
  var average: WeightAverage?
  var bestStates: [ConvolutionState]
  var bestHead: LinearModel
  package var place: Place

  private static let format = "staypos-training"
  private static let version = "3"

  package func write(to path: FilePath) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var writer = SafetensorsWriter(metadata: [
      "format": Self.format, "format_version": Self.version,
      "place": String(decoding: try encoder.encode(place), as: UTF8.self), "head_steps": "\(head.adam.steps)",
    ])
    func add(_ name: String, _ values: [Float]) throws { try writer.add(name, shape: [values.count], floats: values) }
    func add(_ name: String, _ values: [Double]) throws {
      let bytes = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
      try writer.add(name, type: .float64, shape: [values.count], bytes: bytes)
    }
    for (prefix, states) in [("state", states), ("average", average?.states ?? []), ("best", bestStates)] {
      for (index, state) in states.enumerated() {
        try add("\(prefix).\(index).weights", state.weights)
        try add("\(prefix).\(index).gamma", state.gamma)
        try add("\(prefix).\(index).beta", state.beta)
        try add("\(prefix).\(index).mean", state.mean)
        try add("\(prefix).\(index).variance", state.variance)
      }
    }
    for (index, moments) in moments.enumerated() {
      for (prefix, moment) in [("first", moments.first), ("second", moments.second)] {
        try add("\(prefix).\(index).weights", moment.weights)
        try add("\(prefix).\(index).gamma", moment.gamma)
        try add("\(prefix).\(index).beta", moment.beta)
      }
    }
    try add("head", head.parameters)
    try add("head.first", head.adam.first)
    try add("head.second", head.adam.second)
    if let average { try add("average.head", average.head) }
    try add("best.head", bestHead.weights + [bestHead.bias])
    try writer.write(to: path)
  }

  /// - Parameters:
  ///   - settings: of the training that is to go on, and what it is made of: with others it cannot.
  ///   - convolutions: of the network.
  package init(
    path: FilePath, settings: BackboneSettings, origin: TrainingOrigin, convolutions: Int
  ) throws {
    let file = try SafetensorsFile(path: path)
    guard file.metadata["format"] == Self.format else {
      throw CheckpointError(.malformed, "is no checkpoint of a training", file: path)
    }
    guard file.metadata["format_version"] == Self.version else {
      throw CheckpointError(.unsupportedFormat, "is a checkpoint of another version of staypos", file: path)
    }
    guard let text = file.metadata["place"], let headSteps = file.metadata["head_steps"].flatMap({ Int($0) }) else {
      throw CheckpointError(.malformed, "does not say where the training stands", file: path)
    }
    place = try JSONDecoder().decode(Place.self, from: Data(text.utf8))
    // Before the tensors, which another network has others of.
    if let obstacle = place.obstacle(for: settings, origin) {
      throw BackboneTrainingError("\(path.escaped) \(obstacle)")
    }
    func state(_ prefix: String) throws -> ConvolutionState {
      ConvolutionState(
        weights: try file.floats("\(prefix).weights"), gamma: try file.floats("\(prefix).gamma"),
        beta: try file.floats("\(prefix).beta"), mean: try file.floats("\(prefix).mean"),
        variance: try file.floats("\(prefix).variance"))
    }
    func gradient(_ prefix: String) throws -> ConvolutionGradient {
      ConvolutionGradient(
        weights: try file.floats("\(prefix).weights"), gamma: try file.floats("\(prefix).gamma"),
        beta: try file.floats("\(prefix).beta"))
    }
    func doubles(_ name: String) throws -> [Double] {
      guard let tensor = file.tensors[name], tensor.type == .float64 else {
        throw CheckpointError(.missingTensor, "is not in the file", file: path, tensor: name)
      }
      return file.bytes(of: tensor).withUnsafeBytes { bytes in
        (0..<tensor.count).map {
          Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
        }
      }
    }
    states = try (0..<convolutions).map { try state("state.\($0)") }
    bestStates = try (0..<convolutions).map { try state("best.\($0)") }
    moments = try (0..<convolutions).map { (try gradient("first.\($0)"), try gradient("second.\($0)")) }
    let parameters = try doubles("head")
    head = TrainableHead(features: parameters.count - 1)
    head.parameters = parameters
    (head.adam.first, head.adam.second, head.adam.steps) = (
      try doubles("head.first"), try doubles("head.second"), headSteps
    )
    if let decay = settings.averageDecay {
      average = WeightAverage(
        decay: decay, states: try (0..<convolutions).map { try state("average.\($0)") },
        head: try doubles("average.head"))
    }
    let best = try file.floats("best.head")
    guard let bias = best.last else { throw CheckpointError(.malformed, "has no head", file: path) }
    bestHead = LinearModel(weights: Array(best.dropLast()), bias: bias)
  }

  init(
    states: [ConvolutionState], moments: [(first: ConvolutionGradient, second: ConvolutionGradient)],
    head: TrainableHead, average: WeightAverage?, bestStates: [ConvolutionState], bestHead: LinearModel, place: Place
  ) {
    (self.states, self.moments, self.head, self.average) = (states, moments, head, average)
    (self.bestStates, self.bestHead, self.place) = (bestStates, bestHead, place)
  }
}
