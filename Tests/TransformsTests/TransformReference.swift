import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport

/// What Pillow, SciPy and NumPy make of an image.
struct TransformReference {
  static let isAvailable = ReferencePython.has("PIL", "scipy", "numpy")

  let image: RGBImage
  let results: [(operation: String, image: RGBImage)]

  init(_ file: URL, _ operations: [String]) throws {
    let directory = TemporaryDirectory()
    let output = try ReferencePython.run(
      script: "transform_reference.py", [directory.path.string, file.path] + operations)
    var results: [(String, RGBImage)] = []
    for line in output.split(separator: "\n") {
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 4, let width = Int(fields[1]), let height = Int(fields[2]) else {
        throw ReferencePython.Failure(status: 0, message: output)
      }
      let pixels = Array(try Data(contentsOf: URL(filePath: fields[3])))
      results.append((fields[0], RGBImage(size: ImageSize(width: width, height: height), pixels: pixels)))
    }
    image = results[0].1
    self.results = Array(results.dropFirst())
  }
}

extension RGBImage {
  /// How far two images of one size are apart: the largest difference of a sample, and how many differ.
  func distance(to other: RGBImage) -> (largest: Int, count: Int) {
    guard size == other.size else { return (.max, .max) }
    let differences = zip(pixels, other.pixels).map { abs(Int($0) - Int($1)) }
    return (differences.max() ?? 0, differences.count { $0 > 0 })
  }
}
