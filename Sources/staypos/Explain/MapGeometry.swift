import Detection

/// Where the positions of a network's last feature map lie in the image.
struct MapGeometry: Equatable {
  /// Pixels from one position to the next.
  var stride: Int
  /// Pixel on which the receptive field of the first position is centred.
  var offset: Double

  /// Composes the layers: each moves the centre by (kernel − 1) / 2 − padding of its own input's pixels.
  init(_ architecture: Architecture) {
    self.init(stride: 1, offset: 0)
    switch architecture {
    case .resnet(let network):
      append(kernel: network.stem.kernel, stride: network.stem.stride, padding: network.stem.padding)
      if let pool = network.stem.pool { append(kernel: pool.kernel, stride: pool.stride, padding: pool.padding) }
      for stride in network.strides { append(kernel: 3, stride: stride, padding: 1) }
    case .efficientNetLite(let network):
      append(kernel: network.stem.kernel, stride: network.stem.stride)
      for block in network.blocks { append(kernel: block.kernel, stride: block.stride) }
    case .tinyLaDeDa:
      append(kernel: 3, stride: 1, padding: 0)
      append(kernel: 3, stride: 2, padding: 0)
    }
  }

  init(stride: Int, offset: Double) {
    self.stride = stride
    self.offset = offset
  }

  /// - Parameter padding: in front; nil: TensorFlow's, of which the odd pixel comes behind.
  private mutating func append(kernel: Int, stride: Int, padding: Int? = nil) {
    let padding = padding ?? max(kernel - stride, 0) / 2
    offset += (Double(kernel - 1) / 2 - Double(padding)) * Double(self.stride)
    self.stride *= stride
  }
}

extension EvidenceMap {
  /// The value at a pixel of the image: bilinear between the positions, constant beyond the outermost ones.
  func value(atColumn x: Double, row y: Double, _ geometry: MapGeometry) -> Double {
    let column = min(max((x - geometry.offset) / Double(geometry.stride), 0), Double(width - 1))
    let row = min(max((y - geometry.offset) / Double(geometry.stride), 0), Double(height - 1))
    let (left, top) = (Int(column), Int(row))
    let (right, bottom) = (min(left + 1, width - 1), min(top + 1, height - 1))
    let (across, down) = (column - Double(left), row - Double(top))
    let upper = self[left, top] * (1 - across) + self[right, top] * across
    let lower = self[left, bottom] * (1 - across) + self[right, bottom] * across
    return upper * (1 - down) + lower * down
  }
}
