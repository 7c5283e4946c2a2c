/// (value / 255 − mean) / standard deviation for each of R, G, B, as a table of the 256 values of each.
package struct PixelNormalization: Sendable {
  /// Whether the network reads what remains of a pixel less its neighbour: see ``NeighbourResidual``.
  let takesResidual: Bool
  /// 256 values of each of the three.
  let tables: [Float]
  /// The same in bf16.
  private let roundedTables: [UInt16]

  /// - Parameters: three values each, on the scale 0...1.
  package init(mean: [Double], standardDeviation: [Double], takesResidual: Bool = false) {
    precondition(mean.count == 3 && standardDeviation.count == 3)
    let tables: [Float] = (0..<3).flatMap { channel in
      (0..<256).map { Float((Double($0) / 255 - mean[channel]) / standardDeviation[channel]) }
    }
    self.takesResidual = takesResidual
    self.tables = tables
    roundedTables = tables.map(BFloat16.rounding)
  }

  /// RGB, interleaved, as fp32 in the same order.
  package func values(of pixels: [UInt8]) -> [Float] {
    [Float](unsafeUninitializedCapacity: pixels.count) { target, count in
      guard let address = target.baseAddress else { return }
      pixels.withUnsafeBufferPointer { apply(to: $0, into: UnsafeMutableRawPointer(address), as: .fp32) }
      count = pixels.count
    }
  }

  /// - Parameters:
  ///   - pixels: RGB, interleaved.
  ///   - target: as many values in the same order, each rounded once.
  func apply(to pixels: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableRawPointer, as type: DataType) {
    switch type {
    case .fp32: Self.look(up: pixels, in: tables, into: target.assumingMemoryBound(to: Float.self))
    case .bf16: Self.look(up: pixels, in: roundedTables, into: target.assumingMemoryBound(to: UInt16.self))
    case .u8, .s8: preconditionFailure("no network reads the image as bytes")
    }
  }

  private static func look<Value>(
    up pixels: UnsafeBufferPointer<UInt8>, in tables: [Value], into target: UnsafeMutablePointer<Value>
  ) {
    guard let source = pixels.baseAddress else { return }
    let count = pixels.count / 3 * 3
    tables.withUnsafeBufferPointer { tables in
      guard let red = tables.baseAddress else { return }
      let (green, blue) = (red + 256, red + 512)
      var index = 0
      // Plain pointers: this loop sees every pixel, in debug builds too.
      while index < count {
        target[index] = red[Int(source[index])]
        target[index + 1] = green[Int(source[index + 1])]
        target[index + 2] = blue[Int(source[index + 2])]
        index += 3
      }
    }
  }
}
