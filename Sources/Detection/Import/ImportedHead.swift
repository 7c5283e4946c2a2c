import Checkpoints
import StayposCore

/// A checkpoint's last layer as one row of weights: high is generated.
struct ImportedHead {
  private(set) var weights: [Float]
  private(set) var bias: Float
  /// Of the checkpoint, that it was made of.
  private(set) var tensorCount: Int
  private(set) var remarks: [String] = []

  var kind: Head.Kind { weights.allSatisfy { $0 >= 0 } ? .positive : .linear }

  /// Names that published detectors give it.
  private static let names = ["fc", "fc1", "_fc", "classifier", "head", "last_linear"]

  init(
    _ network: StateDictionary, features: Int, fakeClass: Int?, _ checkpoint: Checkpoint
  ) throws(DetectionError) {
    let place = checkpoint.path.escaped
    guard let name = Self.names.first(where: { network.tensors[$0 + ".weight"] != nil }),
      let tensor = network.tensors[name + ".weight"]
    else {
      throw DetectionError(
        .wrongHead,
        "\(place): there is no head (\(network.prefix)fc.weight): the file holds a backbone only, on which a head has to be "
          + "trained first")
    }
    // A 1×1 convolution is the same.
    let shape = tensor.shape.count == 4 && tensor.shape[2...] == [1, 1] ? Array(tensor.shape.prefix(2)) : tensor.shape
    guard shape.count == 2, shape[1] == features else {
      throw DetectionError(
        .wrongHead,
        "\(place): the head \(tensor.name) has shape \(tensor.shape), the network gives \(features) features")
    }
    let values: [Float]
    var biases = Array(repeating: Float(0), count: shape[0])
    tensorCount = 1
    do throws(CheckpointError) {
      values = try checkpoint.floats(of: tensor)
      if let found = network.tensors[name + ".bias"] {
        biases = try checkpoint.floats(of: found)
        tensorCount = 2
      } else {
        remarks.append("the head has no bias: 0 is taken")
      }
    } catch {
      throw DetectionError(.unreadable, "\(error)", checkpoint: error)
    }
    guard biases.count == shape[0] else {
      throw DetectionError(.wrongHead, "\(place): the head has \(shape[0]) outputs, but \(biases.count) biases")
    }
    func row(_ index: Int) -> ArraySlice<Float> { values[index * features..<(index + 1) * features] }
    switch shape[0] {
    case 1:
      // One output of which 0 is the generated class: high is real.
      let sign: Float = fakeClass == 0 ? -1 : 1
      weights = row(0).map { sign * $0 }
      bias = sign * biases[0]
      if sign < 0 { remarks.append("the head was turned: its output spoke for real images") }
    case 2:
      guard let fakeClass else {
        throw DetectionError(
          .wrongHead,
          "\(place): the head has 2 outputs: say with --fake-class 0 or 1 which is the generated one; the difference of the "
            + "two is then the logit, which gives the same probability")
      }
      weights = zip(row(fakeClass), row(1 - fakeClass)).map { $0 - $1 }
      bias = biases[fakeClass] - biases[1 - fakeClass]
      remarks.append("the head is output \(fakeClass) less output \(1 - fakeClass)")
    default:
      throw DetectionError(
        .wrongHead,
        "\(place): the head has \(shape[0]) outputs: it tells kinds of images apart (ImageNet's 1000, for example), not "
          + "generated from real ones; a head of one output has to be trained on this backbone first")
    }
  }
}
