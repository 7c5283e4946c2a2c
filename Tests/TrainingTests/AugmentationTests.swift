import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Transforms

@testable import Training

@Suite struct AugmentationTests {
  /// Smooth parts, noise, and all kinds of colours.
  private func image(_ width: Int, _ height: Int, seed: UInt64) -> RGBImage {
    var random = SeededGenerator(seed: seed)
    let pixels = (0..<3 * width * height).map { index in
      let slope = (index / 3 % width * 5 + index / (3 * width) * 3 + index % 3 * 70) % 256
      return UInt8((slope + Int.random(in: 0..<60, using: &random)) % 256)
    }
    return RGBImage(size: ImageSize(width: width, height: height), pixels: pixels)
  }

  private func jitter(
    brightness: Double = 1, contrast: Double = 1, saturation: Double = 1, hue: Double = 0, _ step: ColourJitter.Step
  ) -> (RGBImage) -> RGBImage {
    { image in
      ColourJitter(brightness: brightness, contrast: contrast, saturation: saturation, hue: hue, order: [step])
        .applied(to: image)
    }
  }

  /// Pillow and NumPy on the same pixels. Where floating-point numbers are cut off, one step is allowed.
  @Test(.enabled(if: SciPyReference.isAvailable, "\(SciPyReference.absence)"))
  func operationsAreThoseOfTheReferences() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    let directory = TemporaryDirectory()
    let source = image(61, 43, seed: seed)
    try SciPyReference.write(source.pixels, to: directory.path("in"))
    let cases: [(name: String, arguments: [Double], tolerance: Int, operation: (RGBImage) throws -> RGBImage)] = [
      ("brightness", [1.37], 1, jitter(brightness: 1.37, .brightness)),
      ("brightness", [0.61], 1, jitter(brightness: 0.61, .brightness)),
      ("contrast", [1.4], 1, jitter(contrast: 1.4, .contrast)),
      ("contrast", [0.7], 1, jitter(contrast: 0.7, .contrast)),
      ("saturation", [0.65], 1, jitter(saturation: 0.65, .saturation)),
      ("saturation", [1.33], 1, jitter(saturation: 1.33, .saturation)),
      ("hue", [0.09], 1, jitter(hue: 0.09, .hue)), ("hue", [-0.07], 1, jitter(hue: -0.07, .hue)),
      ("grey", [], 0, { $0.grey() }),
      ("rotate", [1], 0, { $0.rotated(quarterTurns: 1) }), ("rotate", [2], 0, { $0.rotated(quarterTurns: 2) }),
      ("rotate", [3], 0, { $0.rotated(quarterTurns: 3) }), ("flip", [], 0, { $0.flipped() }),
      ("pad", [96], 0, { $0.padded(to: 96) }), ("pad", [50], 0, { $0.padded(to: 50) }),
    ]
    for (name, arguments, tolerance, operation) in cases {
      let found = try operation(source)
      try SciPyReference.run(
        "augmentation_reference.py",
        [name, "61", "43", directory.path("in").string, directory.path("out").string] + arguments.map { "\($0)" })
      let expected: [UInt8] = try SciPyReference.read(directory.path("out"))
      #expect(found.pixels.count == expected.count, "\(name) \(arguments)")
      let largest = zip(found.pixels, expected).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
      #expect(largest <= tolerance, "\(name) \(arguments), seed \(seed): off by \(largest)")
    }
  }

  @Test func aHoleIsCutOffAtTheEdges() {
    let source = image(40, 30, seed: 1)
    let holed = source.withHole(centredAtX: 0, y: 29, size: 48, fill: 128)
    for y in 0..<30 {
      for x in 0..<40 {
        let pixel = holed.pixels[3 * (y * 40 + x)..<3 * (y * 40 + x) + 3]
        if x < 24, y >= 5 {
          #expect(pixel.allSatisfy { $0 == 128 })
        } else {
          #expect(pixel == source.pixels[3 * (y * 40 + x)..<3 * (y * 40 + x) + 3])
        }
      }
    }
  }

  /// Images of any size give a crop of the wanted one, the same for the same numbers; and what is the same before is the
  /// same afterwards.
  @Test(arguments: AugmentationStrength.allCases)
  func theRecipeIsAFunctionOfItsNumbers(strength: AugmentationStrength) throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    var recipe = strength.recipe
    recipe.cropSize = 32
    for index in 0..<60 {
      let source = image(1 + index * 7 % 90, 1 + index * 11 % 70, seed: seed)
      var (one, other, third) = (
        SplitMix64(seed: seed + UInt64(index)), SplitMix64(seed: seed + UInt64(index)),
        SplitMix64(seed: 1)
      )
      let crop = try recipe.apply(to: source, &one)
      #expect(crop.size == ImageSize(width: 32, height: 32), "seed \(seed)")
      #expect(try recipe.apply(to: source, &other) == crop, "seed \(seed)")
      // A pair uses the same numbers whatever its pixels are.
      var partner = source
      partner.pixels = source.pixels.map { 255 - $0 }
      var own = SplitMix64(seed: seed + UInt64(index))
      _ = try recipe.apply(to: partner, &own)
      #expect(own == one, "seed \(seed)")
      _ = try recipe.apply(to: source, &third)
      #expect(recipe.middle(of: source).size == crop.size)
    }
  }

  /// Fine detail is what a detector lives on: of noise of one pixel, the light recipe leaves most.
  @Test func lightAugmentationLeavesFineDetail() throws {
    let source = image(96, 96, seed: 3)
    func detail(_ image: RGBImage) -> Int {
      image.pixels.indices.dropFirst(3).reduce(0) { $0 + abs(Int(image.pixels[$1]) - Int(image.pixels[$1 - 3])) }
    }
    let left = try AugmentationStrength.allCases.map { strength in
      var random = SplitMix64(seed: 9)
      return try (0..<100).reduce(0) { sum, _ in try sum + detail(strength.recipe.apply(to: source, &random)) } / 100
    }
    #expect(Double(left[0]) < 0.6 * Double(detail(source)))
    #expect(Double(left[1]) > 0.75 * Double(detail(source)))
  }

  /// As if the whole image had been turned and flipped before the crop: any of eight ways, at every place.
  @Test func cropsAreTurnedAndFlipped() throws {
    let recipe = AugmentationRecipe.geometryAlone(cropSize: 5)
    let (width, height) = (11, 8)
    let source = RGBImage(
      size: ImageSize(width: width, height: height),
      pixels: (0..<width * height).flatMap { [UInt8($0 % width), UInt8($0 / width), 0] })
    var random = SplitMix64(seed: 11)
    var counts: [RGBImage: Int] = [:]
    for _ in 0..<40_000 { counts[try recipe.apply(to: source, &random), default: 0] += 1 }
    var expected: [RGBImage: Double] = [:]
    for turns in 0..<4 {
      let turned = source.rotated(quarterTurns: turns)
      for image in [turned, turned.flipped()] {
        let places = (image.size.width - 4) * (image.size.height - 4)
        for place in 0..<places {
          let (x, y) = (place % (image.size.width - 4), place / (image.size.width - 4))
          expected[image.cropped(x: x, y: y, to: ImageSize(width: 5, height: 5)), default: 0] += 5_000 / Double(places)
        }
      }
    }
    #expect(Set(counts.keys) == Set(expected.keys))
    for (crop, count) in counts { #expect(abs(Double(count) - (expected[crop] ?? 0)) < 100) }
  }

  /// Draws come as often as they should.
  @Test func probabilitiesAreKept() throws {
    var recipe = AugmentationRecipe.geometryAlone(cropSize: 8)
    (recipe.rotates, recipe.flipProbability) = (false, 0)
    (recipe.cutoutProbability, recipe.cutoutSize) = (0.2, 64)
    let source = RGBImage(size: ImageSize(width: 8, height: 8), pixels: Array(repeating: 9, count: 192))
    var random = SplitMix64(seed: 5)
    var holes = 0
    for _ in 0..<4_000 where try recipe.apply(to: source, &random).pixels[0] == 128 { holes += 1 }
    #expect((700...900).contains(holes))
  }
}

extension AugmentationRecipe {
  /// Nothing but turns, mirrors and the crop.
  fileprivate static func geometryAlone(cropSize: Int) -> AugmentationRecipe {
    var recipe = AugmentationRecipe()
    recipe.cropSize = cropSize
    (recipe.resizedCropProbability, recipe.jitterProbability, recipe.greyProbability) = (0, 0, 0)
    (recipe.cutoutProbability, recipe.noiseProbability) = (0, 0)
    (recipe.blurProbability, recipe.jpegProbability) = (0, 0)
    return recipe
  }
}
