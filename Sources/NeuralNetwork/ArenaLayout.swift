/// Where tensors of known size and lifetime lie in one block of memory, so that it is small: those that live at the same
/// time do not overlap, the others share. Largest first, each at the lowest offset that is free all its life.
struct ArenaLayout {
  struct Tensor {
    /// Bytes.
    var size: Int
    /// Steps of execution, first writer to last reader.
    var lifetime: ClosedRange<Int>
  }

  static let alignment = 64

  private(set) var offsets: [Int]
  /// Bytes of the whole block.
  private(set) var size = 0

  init(_ tensors: [Tensor]) {
    offsets = Array(repeating: 0, count: tensors.count)
    let order = tensors.indices.sorted { (tensors[$1].size, $0) < (tensors[$0].size, $1) }
    var placed: [(extent: Range<Int>, lifetime: ClosedRange<Int>)] = []
    for index in order {
      let tensor = tensors[index]
      let length = (tensor.size + Self.alignment - 1) / Self.alignment * Self.alignment
      var offset = 0
      let neighbours = placed.filter { $0.lifetime.overlaps(tensor.lifetime) }
      for neighbour in neighbours.sorted(by: { $0.extent.lowerBound < $1.extent.lowerBound })
      where neighbour.extent.upperBound > offset {
        if neighbour.extent.lowerBound >= offset + length { break }
        offset = neighbour.extent.upperBound
      }
      offsets[index] = offset
      placed.append((offset..<offset + length, tensor.lifetime))
      size = max(size, offset + length)
    }
  }
}
