import COneDNN
import Synchronization

/// One compiled oneDNN operation for one size of input.
final class Primitive {
  private let descriptor: dnnl_primitive_desc_t
  private let handle: dnnl_primitive_t

  /// oneDNN 2.6 holds the block of channels that belongs to a type in a global variable while it sets up a convolution
  /// (`brg_blocking_t::last_ic_block_size`, thread-local in later versions): networks of different types that are compiled
  /// on two threads at once would give wrong results.
  private static let compilation = Mutex(())

  /// Takes over `descriptor`.
  private init(owning descriptor: dnnl_primitive_desc_t, _ name: String) throws(NetworkError) {
    var handle: dnnl_primitive_t?
    let status = Self.compilation.withLock { _ in dnnl_primitive_create(&handle, descriptor) }
    guard status == dnnl_success, let handle else {
      dnnl_primitive_desc_destroy(descriptor)
      try check(status, "compile \(name)")
      throw NetworkError(.library, "oneDNN compiled no \(name)")
    }
    self.descriptor = descriptor
    self.handle = handle
  }

  /// - Parameters:
  ///   - operation: a `dnnl_convolution_desc_t`, `dnnl_pooling_desc_t`, …
  ///   - forward: of a backward operation.
  convenience init<Operation>(
    _ operation: Operation, attributes: Attributes, forward: Primitive? = nil, engine: Engine, name: String
  ) throws(NetworkError) {
    var descriptor: dnnl_primitive_desc_t?
    let status = withUnsafePointer(to: operation) { operation in
      Self.compilation.withLock { _ in
        dnnl_primitive_desc_create(
          &descriptor, UnsafeRawPointer(operation), attributes.handle, engine.handle, forward?.descriptor)
      }
    }
    try check(status, "set up \(name)")
    guard let descriptor else { throw NetworkError(.library, "oneDNN has no \(name)") }
    try self.init(owning: descriptor, name)
  }

  /// A copy from one order or type into another.
  /// - Parameter step: of the target's numbers, if they are integers.
  convenience init(
    reordering source: TensorLayout, to target: TensorLayout, step: Float = 1, engine: Engine
  ) throws(NetworkError) {
    let attributes = try Attributes()
    if step != 1 {
      try check(dnnl_primitive_attr_set_output_scales(attributes.handle, 1, 0, [1 / step]), "set a scale")
    }
    var descriptor: dnnl_primitive_desc_t?
    let status = withUnsafePointer(to: source.descriptor) { source in
      withUnsafePointer(to: target.descriptor) { target in
        dnnl_reorder_primitive_desc_create(
          &descriptor, source, engine.handle, target, engine.handle, attributes.handle)
      }
    }
    try check(status, "set up a reorder")
    guard let descriptor else { throw NetworkError(.library, "oneDNN has no such reorder") }
    try self.init(owning: descriptor, "a reorder")
  }

  deinit {
    dnnl_primitive_destroy(handle)
    dnnl_primitive_desc_destroy(descriptor)
  }

  var source: TensorLayout { layout(dnnl_query_src_md) }
  var weights: TensorLayout { layout(dnnl_query_weights_md) }
  var destination: TensorLayout { layout(dnnl_query_dst_md) }
  var scratchpad: TensorLayout { layout(dnnl_query_scratchpad_md) }

  func layout(_ query: dnnl_query_t) -> TensorLayout {
    TensorLayout(dnnl_primitive_desc_query_md(descriptor, query, 0).pointee)
  }

  /// - Parameter arguments: pairs of `DNNL_ARG_…` and memory.
  func execute(_ arguments: [(argument: Int32, memory: TensorMemory)], on engine: Engine) throws(NetworkError) {
    let list = arguments.map { dnnl_exec_arg_t(arg: $0.argument, memory: $0.memory.handle) }
    try check(dnnl_primitive_execute(handle, engine.stream, Int32(list.count), list), "run a layer")
    try check(dnnl_stream_wait(engine.stream), "finish a layer")
  }
}

/// What a primitive does beyond its operation (`dnnl_primitive_attr_t`). The caller provides the scratchpad.
final class Attributes {
  let handle: dnnl_primitive_attr_t

  /// - Parameters:
  ///   - sum: the result is added to what the destination holds; then comes the activation.
  ///   - rescaling: of an 8-bit convolution.
  init(
    sum: Bool = false, activation: Activation = .none, rescaling: Rescaling? = nil
  ) throws(NetworkError) {
    var handle: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&handle), "create attributes")
    guard let handle else { throw NetworkError(.library, "oneDNN made no attributes") }
    self.handle = handle
    try check(dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user), "set the scratchpad mode")

    if let scales = rescaling?.scales {
      let channelsMask: Int32 = 1 << 1
      try check(
        dnnl_primitive_attr_set_output_scales(handle, dnnl_dim_t(scales.count), channelsMask, scales), "set scales")
    }
    var operations: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&operations), "create post-operations")
    defer { dnnl_post_ops_destroy(operations) }
    if let residual = rescaling?.residual {
      try check(
        dnnl_post_ops_append_sum_v2(operations, residual.scale, residual.type.code), "append a scaled sum")
    } else if sum {
      try check(dnnl_post_ops_append_sum(operations, 1), "append a sum")
    }
    switch activation {
    case .none: break
    case .relu:
      try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "append ReLU")
    case .relu6:
      try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_clip, 0, 6), "append ReLU6")
    }
    try check(dnnl_primitive_attr_set_post_ops(handle, operations), "set post-operations")
  }

  deinit {
    dnnl_primitive_attr_destroy(handle)
  }
}
