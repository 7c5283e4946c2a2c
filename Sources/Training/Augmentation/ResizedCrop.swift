import Glibc
import StayposCore

/// Where torchvision's RandomResizedCrop cuts.
struct ResizedCrop: Equatable {
  var x: Int
  var y: Int
  var size: ImageSize

  /// A box with a random share of the image's area and a random shape; after ten that do not fit, the largest in the middle.
  static func box(in size: ImageSize, scale: [Double], ratio: [Double], _ random: inout SplitMix64) -> ResizedCrop {
    let area = Double(size.width * size.height)
    for _ in 0..<10 {
      let target = area * Double.random(in: scale[0]...scale[1], using: &random)
      let shape = exp(Double.random(in: log(ratio[0])...log(ratio[1]), using: &random))
      let width = Int((target * shape).squareRoot().rounded(.toNearestOrEven))
      let height = Int((target / shape).squareRoot().rounded(.toNearestOrEven))
      guard (1...size.width).contains(width), (1...size.height).contains(height) else { continue }
      return ResizedCrop(
        x: Int.random(in: 0...size.width - width, using: &random),
        y: Int.random(in: 0...size.height - height, using: &random), size: ImageSize(width: width, height: height))
    }
    let shape = Double(size.width) / Double(size.height)
    var (width, height) = (size.width, size.height)
    if shape < ratio[0] {
      height = min(size.height, Int((Double(width) / ratio[0]).rounded()))
    } else if shape > ratio[1] {
      width = min(size.width, Int((Double(height) * ratio[1]).rounded()))
    }
    return ResizedCrop(
      x: (size.width - width) / 2, y: (size.height - height) / 2, size: ImageSize(width: width, height: height))
  }
}
