import COneDNN

/// What oneDNN compiles for a convolution in training: three directions, each with the weights in an order of its own.
final class ConvolutionTraining {
  let forward: Primitive
  let backwardData: Primitive
  let backwardWeights: Primitive
  /// From and to the plain order of the weights; nil where they are the same.
  let forwardWeights: Primitive?
  let backwardDataWeights: Primitive?
  let weightGradient: Primitive?

  /// - Parameters: layouts of source and destination, and their type. The gradient of the weights is fp32 in any case.
  init(
    _ convolution: Convolution, from source: TensorLayout, to destination: TensorLayout, _ type: DataType,
    engine: Engine
  ) throws(NetworkError) {
    let plain = try TensorLayout.plain(convolution.groupedWeightShape)
    let any = try TensorLayout(shape: convolution.groupedWeightShape, type, order: dnnl_format_tag_any)
    let anyGradient = try TensorLayout(shape: convolution.groupedWeightShape, .fp32, order: dnnl_format_tag_any)
    let window = convolution.window
    let (strides, before, after) = (window.bothStrides, window.bothBefore, window.bothAfter)
    var (s, w, d, g) = (source.descriptor, any.descriptor, destination.descriptor, anyGradient.descriptor)
    let name = "a convolution \(convolution.weightShape) in training"

    var operation = dnnl_convolution_desc_t()
    try check(
      dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_training, dnnl_convolution_direct, &s, &w, nil, &d, strides, [0, 0], before, after),
      "describe \(name)")
    forward = try Primitive(operation, attributes: Attributes(), engine: engine, name: name)
    try check(
      dnnl_dilated_convolution_backward_data_desc_init(
        &operation, dnnl_convolution_direct, &s, &w, &d, strides, [0, 0], before, after),
      "describe \(name)")
    backwardData = try Primitive(operation, attributes: Attributes(), forward: forward, engine: engine, name: name)
    try check(
      dnnl_dilated_convolution_backward_weights_desc_init(
        &operation, dnnl_convolution_direct, &s, &g, nil, &d, strides, [0, 0], before, after),
      "describe \(name)")
    backwardWeights = try Primitive(operation, attributes: Attributes(), forward: forward, engine: engine, name: name)

    forwardWeights = try Self.reorder(plain, forward.weights, engine)
    backwardDataWeights = try Self.reorder(plain, backwardData.weights, engine)
    weightGradient = try Self.reorder(backwardWeights.layout(dnnl_query_diff_weights_md), plain, engine)
  }

  private static func reorder(
    _ source: TensorLayout, _ target: TensorLayout, _ engine: Engine
  ) throws(NetworkError) -> Primitive? {
    source == target ? nil : try Primitive(reordering: source, to: target, engine: engine)
  }

  var primitives: [Primitive] {
    [forward, backwardData, backwardWeights] + [forwardWeights, backwardDataWeights, weightGradient].compactMap { $0 }
  }

  /// Bytes of the weights in the largest of their orders.
  var weightSize: Int {
    max(forward.weights.size, backwardData.weights.size, backwardWeights.layout(dnnl_query_diff_weights_md).size)
  }
}

/// BatchNorm with the statistics of the batch, or with running ones.
final class NormalizationTraining {
  let forward: Primitive
  let backward: Primitive

  init(
    _ layout: TensorLayout, epsilon: Double, usesRunning: Bool, engine: Engine
  ) throws(NetworkError) {
    var data = layout.descriptor
    let flags = dnnl_use_scaleshift.rawValue | (usesRunning ? dnnl_use_global_stats.rawValue : 0)
    var operation = dnnl_batch_normalization_desc_t()
    try check(
      dnnl_batch_normalization_forward_desc_init(
        &operation, dnnl_forward_training, &data, Float(epsilon), UInt32(flags)),
      "describe a BatchNorm")
    forward = try Primitive(operation, attributes: Attributes(), engine: engine, name: "a BatchNorm")
    try check(
      dnnl_batch_normalization_backward_desc_init(
        &operation, dnnl_backward, &data, &data, Float(epsilon), UInt32(flags)),
      "describe a BatchNorm's gradient")
    backward = try Primitive(
      operation, attributes: Attributes(), forward: forward, engine: engine, name: "a BatchNorm's gradient")
  }
}

/// ReLU or ReLU6 in place; the result alone tells the gradient.
final class ActivationTraining {
  let forward: Primitive
  let backward: Primitive

  /// - Parameter highest: 6 for ReLU6; nil: no limit.
  init(_ layout: TensorLayout, highest: Float?, engine: Engine) throws(NetworkError) {
    var data = layout.descriptor
    let kind = highest == nil ? dnnl_eltwise_relu_use_dst_for_bwd : dnnl_eltwise_clip_v2_use_dst_for_bwd
    var operation = dnnl_eltwise_desc_t()
    try check(
      dnnl_eltwise_forward_desc_init(&operation, dnnl_forward_training, kind, &data, 0, highest ?? 0),
      "describe an activation")
    forward = try Primitive(operation, attributes: Attributes(), engine: engine, name: "an activation")
    try check(
      dnnl_eltwise_backward_desc_init(&operation, kind, &data, &data, 0, highest ?? 0),
      "describe an activation's gradient")
    backward = try Primitive(
      operation, attributes: Attributes(), forward: forward, engine: engine, name: "an activation's gradient")
  }
}

/// Max pooling that remembers where its results come from.
final class PoolingTraining {
  let forward: Primitive
  let backward: Primitive
  let workspace: TensorLayout

  init(
    _ window: Window, from source: TensorLayout, to destination: TensorLayout, engine: Engine
  ) throws(NetworkError) {
    var (s, d) = (source.descriptor, destination.descriptor)
    let kernels = [Int64(window.kernel), Int64(window.kernel)]
    var operation = dnnl_pooling_desc_t()
    try check(
      dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_training, dnnl_pooling_max, &s, &d, window.bothStrides, kernels, window.bothBefore,
        window.bothAfter),
      "describe a max pooling")
    forward = try Primitive(operation, attributes: Attributes(), engine: engine, name: "a max pooling")
    workspace = forward.layout(dnnl_query_workspace_md)
    try check(
      dnnl_pooling_backward_desc_init(
        &operation, dnnl_pooling_max, &s, &d, window.bothStrides, kernels, window.bothBefore, window.bothAfter),
      "describe a max pooling's gradient")
    backward = try Primitive(
      operation, attributes: Attributes(), forward: forward, engine: engine, name: "a max pooling's gradient")
  }
}

extension Primitive {
  /// One tensor added to another.
  convenience init(adding layout: TensorLayout, engine: Engine) throws(NetworkError) {
    var data = layout.descriptor
    var operation = dnnl_binary_desc_t()
    try check(dnnl_binary_desc_init(&operation, dnnl_binary_add, &data, &data, &data), "describe a sum")
    try self.init(operation, attributes: Attributes(), engine: engine, name: "a sum")
  }
}

/// (H, W), as oneDNN wants it; the whole tensor's rows are padded like its columns.
extension Window {
  fileprivate var bothStrides: [Int64] { [Int64(stride), Int64(stride)] }
  fileprivate var bothBefore: [Int64] { [Int64(padding.before), Int64(padding.before)] }
  fileprivate var bothAfter: [Int64] { [Int64(padding.after), Int64(padding.after)] }
}
