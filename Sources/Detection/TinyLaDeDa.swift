import NeuralNetwork

/// Tiny-LaDeDa (Cavia et al. 2024): four small convolutions without padding, on the neighbour residual
/// (``Preprocessing/Residual``). Each position sees 9×9 pixels.
package struct TinyLaDeDa: Hashable, Sendable, Codable {
  /// Channels of every layer; 8 in the published network.
  package var width: Int

  package init(width: Int) {
    self.width = width
  }

  /// An image's shorter side: 3×3, and of what remains 3×3 once more.
  static let minimumSize = 5

  var problem: String? {
    ArchitectureLimits.width.contains(width) ? nil : "the width is out of range"
  }

  var definition: NetworkDefinition {
    var network = NetworkDefinition(epsilon: 1e-5)
    let pointwise = Window(kernel: 1)
    let mixed = network.convolution("conv1", nil, of: network.graph.input, width: width, window: pointwise)
    let stem = network.convolution(
      "conv2", "bn1", of: mixed, width: width, window: Window(kernel: 3), activation: .relu)
    let inner = network.convolution(
      "layer1.0.conv1", "layer1.0.bn1", of: stem, width: width, window: pointwise, activation: .relu)
    _ = network.convolution(
      "layer1.0.conv2", "layer1.0.bn2", of: inner, width: width, window: Window(kernel: 3, stride: 2), activation: .relu
    )
    return network
  }
}
