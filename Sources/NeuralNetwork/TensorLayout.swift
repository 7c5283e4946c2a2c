import COneDNN

/// Shape, type and memory order of a tensor (`dnnl_memory_desc_t`).
struct TensorLayout: Equatable {
  private(set) var descriptor: dnnl_memory_desc_t

  init(_ descriptor: dnnl_memory_desc_t) {
    self.descriptor = descriptor
  }

  /// - Parameter order: `dnnl_format_tag_any` leaves the choice to the primitive.
  init(shape: [Int], _ type: DataType, order: dnnl_format_tag_t) throws(NetworkError) {
    var descriptor = dnnl_memory_desc_t()
    try check(
      dnnl_memory_desc_init_by_tag(&descriptor, Int32(shape.count), shape.map(Int64.init), type.code, order),
      "describe a tensor of shape \(shape)")
    self.descriptor = descriptor
  }

  /// An image or a feature map of shape (N, C, H, W) in the order (N, H, W, C).
  static func channelsLast(_ shape: [Int], _ type: DataType) throws(NetworkError) -> TensorLayout {
    try TensorLayout(shape: shape, type, order: dnnl_acdb)
  }

  /// Row-major: a bias (O), a convolution kernel (O, I, H, W) or, grouped, (G, O, I, H, W).
  static func plain(_ shape: [Int], _ type: DataType = .fp32) throws(NetworkError) -> TensorLayout {
    let orders = [1: dnnl_a, 4: dnnl_abcd, 5: dnnl_abcde]
    guard let order = orders[shape.count] else {
      preconditionFailure("no plain order for \(shape.count) dimensions")
    }
    return try TensorLayout(shape: shape, type, order: order)
  }

  /// Bytes, with the padding that blocked orders need.
  var size: Int {
    withUnsafePointer(to: descriptor) { dnnl_memory_desc_get_size($0) }
  }

  static func == (left: TensorLayout, right: TensorLayout) -> Bool {
    withUnsafePointer(to: left.descriptor) { left in
      withUnsafePointer(to: right.descriptor) { right in dnnl_memory_desc_equal(left, right) != 0 }
    }
  }
}
