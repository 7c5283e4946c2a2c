import COneDNN

/// A convolution's parameters in oneDNN's memory: the weights, rounded to the network's type, in every order that an
/// operation has asked for (mostly one).
final class Layer {
  private struct Form {
    var order: WeightOrder
    var buffer: AlignedBuffer
    var memory: TensorMemory
  }

  let convolution: Convolution
  /// In units of the products if the source is 8-bit.
  let bias: TensorMemory
  /// Of each output channel's weights; nil unless they are bytes.
  let weightSteps: [Float]?
  private let sourceType: DataType
  private let biasBuffer: AlignedBuffer
  private var forms: [Form]
  /// The first form is still the plain one that no operation has asked for.
  private var isPlain = true

  /// - Parameter source: what the convolution reads.
  init(
    _ convolution: Convolution, _ parameters: ConvolutionParameters, source: Encoding, engine: Engine
  ) throws(NetworkError) {
    guard parameters.weights.count == convolution.weightCount, parameters.bias.count == convolution.outputChannels
    else {
      throw NetworkError(
        .badParameters,
        "a convolution of shape \(convolution.weightShape) got \(parameters.weights.count) weights and "
          + "\(parameters.bias.count) biases")
    }
    self.convolution = convolution
    sourceType = source.type
    let quantized =
      source.type.isInteger ? QuantizedWeights(parameters.weights, channels: convolution.outputChannels) : nil
    weightSteps = quantized?.steps
    let bias = quantized.map { zip(parameters.bias, $0.steps).map { $0 / ($1 * source.step) } } ?? parameters.bias
    biasBuffer = try AlignedBuffer(copying: bias)
    self.bias = try TensorMemory(.plain([convolution.outputChannels]), at: biasBuffer.address, engine: engine)

    let layout = try TensorLayout.plain(convolution.groupedWeightShape, quantized == nil ? .fp32 : .s8)
    let buffer =
      if let quantized { try AlignedBuffer(copying: quantized.bytes) } else {
        try AlignedBuffer(copying: parameters.weights)
      }
    let memory = try TensorMemory(layout, at: buffer.address, engine: engine)
    forms = [Form(order: .library(layout), buffer: buffer, memory: memory)]
  }

  /// Bytes of weights and bias. Before an operation has asked for them: roughly as many as it will take.
  var size: Int {
    let present = forms.reduce(biasBuffer.size) { $0 + $1.buffer.size }
    guard isPlain else { return present }
    if weightSteps != nil { return 2 * present }
    if let wanted = WinogradOperation.weightsSize(of: convolution, for: sourceType) { return biasBuffer.size + wanted }
    return present / MemoryLayout<Float>.stride * sourceType.size
  }

  /// The weights in the wanted type and order; laid out once, then kept.
  func weights(_ order: WeightOrder, engine: Engine) throws(NetworkError) -> TensorMemory {
    if let form = forms.first(where: { $0.order == order }) {
      isPlain = false
      return form.memory
    }
    let form =
      switch order {
      case .library(let layout): try reordered(to: layout, engine)
      case .winograd, .pointwise, .depthwise: try arranged(order, engine)
      }
    if isPlain, weightSteps == nil {
      // Any order can be made from any other, and all are of one type: the plain copy has served. Orders of bytes may hold
      // sums beside the weights, which nothing reads back. Orders of our own are for all of a layer's calls or none.
      forms = [form]
      isPlain = false
    } else {
      forms.append(form)
    }
    return form.memory
  }

  private func reordered(to layout: TensorLayout, _ engine: Engine) throws(NetworkError) -> Form {
    guard case .library(let present) = forms[0].order else {
      preconditionFailure("the weights \(convolution.weightShape) are in an order of our own already")
    }
    let buffer = try AlignedBuffer(size: layout.size)
    let memory = try TensorMemory(layout, at: buffer.address, engine: engine)
    let reorder = try Primitive(reordering: present, to: layout, engine: engine)
    let scratchpad = try AlignedBuffer(size: reorder.scratchpad.size)
    try reorder.execute(
      [
        (DNNL_ARG_FROM, forms[0].memory), (DNNL_ARG_TO, memory),
        (DNNL_ARG_SCRATCHPAD, try TensorMemory(reorder.scratchpad, at: scratchpad.address, engine: engine)),
      ], on: engine)
    return Form(order: .library(layout), buffer: buffer, memory: memory)
  }

  private func arranged(_ order: WeightOrder, _ engine: Engine) throws(NetworkError) -> Form {
    precondition(isPlain && weightSteps == nil)
    let plain = forms[0].buffer.address
    let buffer =
      switch order {
      case .library: preconditionFailure("oneDNN arranges its own")
      case .winograd: try WinogradOperation.transformedWeights(of: convolution, from: plain)
      case .pointwise: try PointwiseOperation.arrangedWeights(of: convolution, for: sourceType, from: plain)
      case .depthwise: try DepthwiseOperation.arrangedWeights(of: convolution, for: sourceType, from: plain)
      }
    let memory = try TensorMemory(.plain([buffer.size / 4]), at: buffer.address, engine: engine)
    return Form(order: order, buffer: buffer, memory: memory)
  }
}

extension Convolution {
  /// As oneDNN wants it: (G, O/G, I/G, k, k), or without G for one group.
  var groupedWeightShape: [Int] {
    groups == 1
      ? weightShape
      : [groups, outputChannels / groups, inputChannels / groups, window.kernel, window.kernel]
  }
}
