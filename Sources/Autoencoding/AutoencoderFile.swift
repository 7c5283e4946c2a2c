import Checkpoints
import NeuralNetwork
import SystemPackage

/// One half of an autoencoder of TAESD's family (https://github.com/madebyollin/taesd), as its checkpoints name it: the
/// index of each layer in `nn.Sequential`, then `weight` and `bias` of a convolution, or `conv.N`, `skip` and `pool.N` of
/// a block. Layers without parameters leave gaps in the numbers.
struct AutoencoderFile {
  enum Half { case encoder, decoder }

  private let checkpoint: Checkpoint
  private let half: Half
  private let tensors: [String: Checkpoint.Tensor]
  private let lastIndex: Int

  init(_ path: FilePath, _ half: Half) throws(AutoencoderError) {
    do throws(CheckpointError) {
      checkpoint = try Checkpoint(path: path)
    } catch {
      throw AutoencoderError(error.description)
    }
    self.half = half
    tensors = Dictionary(checkpoint.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let indices = tensors.keys.map { $0.split(separator: ".").first.flatMap { Int($0) } }
    guard let last = indices.compactMap(\.self).max(), !indices.contains(nil), 0..<1000 ~= last else {
      throw AutoencoderError(
        "\(path): not one half of an autoencoder of TAESD's family: its tensors are named 1.weight, 3.conv.0.weight and "
          + "so on, not \(tensors.keys.min() ?? "nothing at all")")
    }
    lastIndex = last
  }

  func layers() throws(AutoencoderError) -> [AutoencoderLayer] {
    var layers: [AutoencoderLayer] = []
    for index in 0...lastIndex {
      if has("\(index).conv.0.weight") {
        layers.append(.block(try block("\(index)")))
      } else if has("\(index).weight") {
        // Only the convolutions that change the size have no bias; it is the encoder's own that do it.
        let isReducing = half == .encoder && !has("\(index).bias")
        let isActivated = half == .decoder && has("\(index).bias") && index < lastIndex
        guard !isActivated || !has(layer: index + 1) else { throw unclear(index + 1, "a ReLU was expected") }
        layers.append(
          .convolution(try convolution("\(index)", stride: isReducing ? 2 : 1, activation: isActivated ? .relu : .none))
        )
      } else if half == .decoder, index == 0 {
        layers.append(.clamp)
      } else if half == .decoder, has("\(index - 1).bias") {
        // ReLU, with the convolution before.
      } else if half == .decoder, has("\(index + 1).weight"), !has("\(index + 1).bias") {
        layers.append(.upsampling)
      } else {
        throw unclear(index, "it has no parameters")
      }
    }
    return layers
  }

  private func block(_ name: String) throws(AutoencoderError) -> AutoencoderBlock {
    var convolutions: [ParameterizedConvolution] = []
    for index in [0, 2, 4] { convolutions.append(try convolution("\(name).conv.\(index)")) }
    let skip = has("\(name).skip.weight") ? try convolution("\(name).skip") : nil
    guard has("\(name).pool.0.weight") else { return AutoencoderBlock(convolutions: convolutions, skip: skip) }
    let (gamma, beta) = (try floats("\(name).pool.1.weight"), try floats("\(name).pool.1.bias"))
    let groups = 4
    let expansion = try convolution("\(name).pool.0")
    guard gamma.count == beta.count, gamma.count == expansion.convolution.outputChannels,
      gamma.count.isMultiple(of: groups)
    else {
      throw AutoencoderError("\(checkpoint.path): layer \(name).pool.1 does not fit to \(name).pool.0")
    }
    return AutoencoderBlock(
      convolutions: convolutions, skip: skip,
      pool: AutoencoderPool(
        expansion: expansion,
        normalization: GroupNormalization(groups: groups, gamma: gamma, beta: beta, epsilon: 1e-5),
        projection: try convolution("\(name).pool.3")))
  }

  private func convolution(
    _ name: String, stride: Int = 1, activation: Activation = .none
  ) throws(AutoencoderError) -> ParameterizedConvolution {
    let weights = try floats("\(name).weight")
    let shape = tensors["\(name).weight"]?.shape ?? []
    guard shape.count == 4, shape[2] == shape[3], [1, 3].contains(shape[2]), shape[0] > 0, shape[1] > 0 else {
      throw AutoencoderError("\(checkpoint.path): \(name).weight of shape \(shape) is no convolution of 1×1 or 3×3")
    }
    let bias = has("\(name).bias") ? try floats("\(name).bias") : [Float](repeating: 0, count: shape[0])
    guard bias.count == shape[0] else {
      throw AutoencoderError("\(checkpoint.path): \(name).bias has \(bias.count) numbers, not \(shape[0])")
    }
    return ParameterizedConvolution(
      Convolution(
        inputChannels: shape[1], outputChannels: shape[0],
        window: Window(kernel: shape[2], stride: stride, padding: Padding(shape[2] / 2)), activation: activation),
      ConvolutionParameters(weights: weights, bias: bias))
  }

  private func floats(_ name: String) throws(AutoencoderError) -> [Float] {
    guard let tensor = tensors[name] else {
      throw AutoencoderError("\(checkpoint.path): the tensor \(name) is missing")
    }
    let floats: [Float]
    do throws(CheckpointError) {
      floats = try checkpoint.floats(of: tensor)
    } catch {
      throw AutoencoderError(error.description)
    }
    guard floats.allSatisfy(\.isFinite) else {
      throw AutoencoderError("\(checkpoint.path): \(name) holds numbers that are not finite")
    }
    return floats
  }

  private func has(_ name: String) -> Bool { tensors[name] != nil }

  private func has(layer index: Int) -> Bool { tensors.keys.contains { $0.hasPrefix("\(index).") } }

  private func unclear(_ index: Int, _ reason: String) -> AutoencoderError {
    AutoencoderError(
      "\(checkpoint.path): cannot tell what layer \(index) is (\(reason)): no \(half) of TAESD's family, or the other half"
    )
  }
}
