import Foundation
import ImageDecoding
import StayposCore
import TestSupport
import Testing

@testable import Transforms

/// Real images, transformed by us and by others.
@Suite(.enabled(if: TransformReference.isAvailable, "needs Pillow and SciPy in .build-venv (make test-dependencies)"))
struct ReferenceTests {
  static let samples = ["generated/face.png", "generated/broccoli-1.jpg", "real/cat.png", "real/coins.png"].map {
    ReferencePython.repository.appending(path: "Samples/\($0)")
  }

  @Test(arguments: samples)
  func recompression(_ file: URL) throws {
    let qualities = [1, 30, 75, 90, 100]
    let reference = try TransformReference(
      file, ["jpeg444", "jpeg422", "jpeg420", "webp"].flatMap { kind in qualities.map { "\(kind):\($0)" } })
    for (operation, expected) in reference.results {
      let (kind, quality) = (operation.prefix { $0 != ":" }, try #require(Int(operation.split(separator: ":")[1])))
      let found: RGBImage
      if kind == "webp" {
        found = try WEBP.decode(WEBP.encode(reference.image, quality: Double(quality)))
      } else {
        let sampling: JPEGEncoder.Sampling = kind == "jpeg444" ? .full : kind == "jpeg422" ? .halfWidth : .half
        found = try RGBImage.decode(
          bytes: JPEGEncoder.encode(reference.image, quality: quality, sampling: sampling), limits: ImageLimits())
      }
      #expect(found == expected, "\(operation): \(found.distance(to: expected))")
    }
  }

  /// Integers in the same order: equal to the last bit.
  @Test(arguments: samples)
  func resampling(_ file: URL) throws {
    let operations = ["bicubic", "bilinear"].flatMap { filter in
      ["32x32", "100x70", "64x301", "1x1", "7x200", "300x300"].map { "\(filter):\($0)" }
    }
    let reference = try TransformReference(file, operations)
    for (operation, expected) in reference.results {
      let filter = try #require(ResamplingFilter(rawValue: String(operation.prefix { $0 != ":" })))
      let found = reference.image.resized(to: expected.size, filter)
      #expect(found == expected, "\(operation): \(found.distance(to: expected))")
    }
  }

  /// Rounded from floating point: a sum that lies between two levels may go either way.
  @Test(arguments: samples)
  func filters(_ file: URL) throws {
    let reference = try TransformReference(
      file, ["blur:0.4", "blur:1", "blur:4", "blur:60", "lowpass:0.1", "lowpass:0.5", "lowpass:0.99", "lowpass:1.3"])
    for (operation, expected) in reference.results {
      let value = try #require(Double(operation.split(separator: ":")[1]))
      let found =
        operation.hasPrefix("blur")
        ? reference.image.blurred(sigma: value) : reference.image.lowPassed(cutoff: value)
      let (largest, count) = found.distance(to: expected)
      #expect(largest <= 1 && count <= expected.pixels.count / 1000, "\(operation): \(largest), \(count) samples")
      #expect(expected != reference.image)
    }
  }
}
