import Glibc
import ImageDecoding
import StayposCore
import TestSupport
import Testing

@testable import Transforms

/// What holds for any image.
@Suite struct TransformTests {
  private func noise(_ width: Int, _ height: Int) -> RGBImage {
    var random = SeededGenerator(seed: UInt64(width * 1000 + height))
    return RGBImage(
      size: ImageSize(width: width, height: height),
      pixels: (0..<(width * height * 3)).map { _ in .random(in: 0...255, using: &random) })
  }

  private func flat(_ level: UInt8) -> RGBImage {
    RGBImage(size: ImageSize(width: 40, height: 30), pixels: Array(repeating: level, count: 3600))
  }

  @Test func strengthsThatChangeNothing() throws {
    let image = noise(23, 17)
    for transform: ImageTransform in [
      .blur(sigma: 0), .noise(deviation: 0), .lowPass(cutoff: 1.5), .downsize(factor: 1),
      .crop(removed: 0, resizing: true), .crop(removed: 0, resizing: false),
    ] {
      var generator = SplitMix64(seed: 1)
      #expect(try transform.applied(to: image, using: &generator) == image, "\(transform)")
    }
  }

  @Test func sizes() throws {
    let image = noise(50, 30)
    for (transform, width, height) in [
      (.resize(side: 16), 16, 16), (.downsize(factor: 0.5), 25, 15), (.downsize(factor: 0.001), 1, 1),
      (.crop(removed: 0.2, resizing: true), 50, 30), (.crop(removed: 0.2, resizing: false), 40, 24),
      (.jpeg(quality: 50), 50, 30), (.webp(quality: 50), 50, 30), (.noise(deviation: 3), 50, 30),
    ] as [(ImageTransform, Int, Int)] {
      var generator = SplitMix64(seed: 1)
      #expect(
        try transform.applied(to: image, using: &generator).size == ImageSize(width: width, height: height),
        "\(transform)")
    }
  }

  @Test(arguments: [UInt8(0), 1, 128, 255])
  func aFlatImageStaysFlat(_ level: UInt8) {
    let image = flat(level)
    #expect(image.blurred(sigma: 2) == image)
    #expect(image.lowPassed(cutoff: 0.3) == image)
    for filter in ResamplingFilter.allCases {
      #expect(image.resized(to: ImageSize(width: 7, height: 91), filter).pixels.allSatisfy { $0 == level })
    }
  }

  @Test func noiseHasItsDeviationAndItsSeed() {
    let image = flat(128)
    var (one, same, other) = (SplitMix64(seed: 1), SplitMix64(seed: 1), SplitMix64(seed: 2))
    let noisy = image.noisy(deviation: 10, using: &one)
    #expect(image.noisy(deviation: 10, using: &same) == noisy)
    #expect(image.noisy(deviation: 10, using: &other) != noisy)
    // The next image gets other noise.
    #expect(image.noisy(deviation: 10, using: &one) != noisy)
    let errors = noisy.pixels.map { Double($0) - 128 }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let variance = errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(errors.count)
    // Four standard errors; rounding adds 1/12 to the variance.
    #expect(abs(mean) < 4 * 10 / 60)
    #expect(abs(variance - 100 - 1 / 12) < 4 * 100 * (2.0 / 3600).squareRoot())
  }

  @Test func cropsComeFromAllPlaces() {
    let image = noise(10, 10)
    var generator = SplitMix64(seed: 7)
    var seen: Set<RGBImage> = []
    for _ in 0..<200 { seen.insert(image.cropped(removing: 0.2, using: &generator)) }
    #expect(seen.count == 9)
    #expect(seen.contains(image.cropped(x: 2, y: 2, to: ImageSize(width: 8, height: 8))))
  }

  @Test func webpRefusesWhatItCannotHold() {
    let wide = RGBImage(
      size: ImageSize(width: 16384, height: 1), pixels: Array(repeating: 0, count: 3 * 16384))
    #expect(throws: EncodingFailure.self) { try WEBP.encode(wide, quality: 50) }
    #expect(throws: DecodingFailure.self) { try WEBP.decode([1, 2, 3]) }
  }

  /// Any length, against the definition.
  @Test(arguments: [1, 2, 3, 4, 5, 8, 12, 17, 64, 97])
  func fourier(_ length: Int) {
    var random = SplitMix64(seed: UInt64(length))
    var values = Complex(count: length)
    for index in 0..<length { (values.real[index], values.imaginary[index]) = random.nextNormals() }
    var expected = Complex(count: length)
    for frequency in 0..<length {
      for index in 0..<length {
        let angle = -2 * Double.pi * Double(frequency * index) / Double(length)
        expected.real[frequency] += values.real[index] * cos(angle) - values.imaginary[index] * sin(angle)
        expected.imaginary[frequency] += values.real[index] * sin(angle) + values.imaginary[index] * cos(angle)
      }
    }
    FourierTransform(length: length).transform(&values)
    for index in 0..<length {
      #expect(abs(values.real[index] - expected.real[index]) < 1e-10)
      #expect(abs(values.imaginary[index] - expected.imaginary[index]) < 1e-10)
    }
  }
}
