import Checkpoints
import NeuralNetwork
import StayposCore
import SystemPackage

/// A model file's network as it is trained: its graph, and the parameters before BatchNorm is folded in.
package struct TrainableBackbone: Sendable {
  package let graph: Graph
  /// BatchNorm's ε.
  package let epsilon: Double
  /// Parallel to the graph's convolutions.
  package var states: [ConvolutionState]
  private let layers: [(weights: String, normalization: String)]

  /// - Parameter path: of a model that can be loaded.
  /// - Throws: among others, `badMetadata` for a network that cannot be trained: one with a convolution that
  ///   no BatchNorm follows, or that reads residuals.
  package init(path: FilePath) throws(DetectionError) {
    do {
      let file = try SafetensorsFile(path: path)
      let metadata = try ModelMetadata(file.metadata)
      let definition = metadata.architecture.definition
      let layers = definition.layers.compactMap { layer in
        layer.normalization.map { (weights: layer.weight, normalization: $0) }
      }
      guard layers.count == definition.layers.count, metadata.preprocessing.residual == nil else {
        throw DetectionError(
          .badMetadata, "this network cannot be trained: it has a convolution without BatchNorm, or reads residuals")
      }
      states = try layers.map { try file.state(weights: $0.weights, normalization: $0.normalization) }
      (graph, epsilon, self.layers) = (definition.graph, definition.epsilon, layers)
    } catch let error as DetectionError {
      throw error
    } catch {
      throw DetectionError(.unreadable, "cannot read the model: \(error)", checkpoint: error as? CheckpointError)
    }
  }

  /// Tensor names of one convolution: those of its weights, and of what stands for BatchNorm's four vectors.
  package func names(of convolution: Int) -> (weights: String, normalization: String) {
    layers[convolution]
  }

  /// The network's tensors as a model file holds them.
  package var tensors: [(name: String, shape: [Int], values: [Float])] {
    zip(zip(layers, graph.convolutions), states).flatMap { layer, state in
      let (names, convolution) = layer
      let channels = [convolution.outputChannels]
      return [
        (names.weights, convolution.weightShape, state.weights),
        ("\(names.normalization).weight", channels, state.gamma),
        ("\(names.normalization).bias", channels, state.beta),
        ("\(names.normalization).running_mean", channels, state.mean),
        ("\(names.normalization).running_var", channels, state.variance),
      ]
    }
  }
}

extension SafetensorsFile {
  fileprivate func state(weights: String, normalization: String) throws(CheckpointError) -> ConvolutionState {
    ConvolutionState(
      weights: try floats(weights), gamma: try floats("\(normalization).weight"),
      beta: try floats("\(normalization).bias"), mean: try floats("\(normalization).running_mean"),
      variance: try floats("\(normalization).running_var"))
  }
}
