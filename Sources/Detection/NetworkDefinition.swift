import NeuralNetwork

/// A graph and where its parameters are found in the model file.
struct NetworkDefinition {
  /// Tensor names of one convolution and of the BatchNorm behind it, if there is one.
  struct LayerNames {
    /// `….weight`
    var weight: String
    /// Prefix of `.weight`, `.bias`, `.running_mean` and `.running_var`; nil: none follows.
    var normalization: String?
  }

  var graph = Graph(inputChannels: 3)
  /// Parallel to `graph.convolutions`.
  var layers: [LayerNames] = []
  /// BatchNorm's ε.
  var epsilon: Double

  init(epsilon: Double) {
    self.epsilon = epsilon
  }

  /// Appends a convolution without bias and its BatchNorm, if it has one.
  mutating func convolution(
    _ weight: String, _ normalization: String?, of source: Graph.Value, width: Int, window: Window,
    depthwise: Bool = false,
    activation: Activation = .none, adding residual: Graph.Value? = nil
  ) -> Graph.Value {
    layers.append(LayerNames(weight: weight + ".weight", normalization: normalization))
    let convolution = Convolution(
      inputChannels: source.channels, outputChannels: width, groups: depthwise ? source.channels : 1, window: window,
      activation: activation)
    return graph.convolution(convolution, of: source, adding: residual)
  }

  /// Channels of the last feature map.
  var featureCount: Int { graph.output.channels }
}

/// A tensor that a model file has to hold.
package struct RequiredTensor: Hashable, Sendable {
  package var name: String
  package var shape: [Int]
  /// Weights are trained and counted as parameters; running statistics are not.
  package var isParameter: Bool
}

extension NetworkDefinition {
  /// The backbone's, in the order of execution, then the head's.
  var requiredTensors: [RequiredTensor] {
    var tensors: [RequiredTensor] = []
    for (names, convolution) in zip(layers, graph.convolutions) {
      tensors.append(RequiredTensor(name: names.weight, shape: convolution.weightShape, isParameter: true))
      guard let normalization = names.normalization else { continue }
      for (suffix, isParameter) in [("weight", true), ("bias", true), ("running_mean", false), ("running_var", false)] {
        tensors.append(
          RequiredTensor(
            name: "\(normalization).\(suffix)", shape: [convolution.outputChannels], isParameter: isParameter))
      }
    }
    tensors.append(RequiredTensor(name: Head.weightName, shape: [1, featureCount], isParameter: true))
    tensors.append(RequiredTensor(name: Head.biasName, shape: [1], isParameter: true))
    return tensors
  }
}

extension Architecture {
  /// Names and shapes of the tensors that a model file of this architecture has to hold.
  package var requiredTensors: [RequiredTensor] { definition.requiredTensors }
}
