import ImageDecoding
import StayposCore

/// The Corvi and Rajan trainings' augmentations, in their order. What is drawn depends on the random numbers and the image's
/// size alone: an image and its reconstruction that get the same numbers are changed in the same way.
package struct AugmentationRecipe: Sendable, Equatable, Codable {
  package var resizedCropProbability = 0.2
  package var resizedCropSize = 256
  package var resizedCropScale = [0.08, 1]
  package var resizedCropRatio = [0.75, 4.0 / 3]
  package var jitterProbability = 0.8
  package var brightness = 0.4
  package var contrast = 0.4
  package var saturation = 0.4
  package var hue = 0.1
  package var greyProbability = 0.2
  package var cutoutProbability = 0.2
  package var cutoutSize = 48
  package var cutoutFill: UInt8 = 128
  package var noiseProbability = 0.2
  /// On the scale 0...255.
  package var noiseVariance = [10.0, 50]
  package var blurProbability = 0.5
  package var blurSigma = [0.0, 3]
  package var jpegProbability = 0.5
  package var jpegQuality = [30, 100]
  /// Of the images that would go through JPEG, the share that goes through WebP of the same quality instead.
  package var webpShare = 0.0
  package var rotates = true
  package var flipProbability = 0.5
  /// Of the crop at the end.
  package var cropSize = 96

  package init() {}

  /// A crop of ``cropSize``².
  package func apply(
    to image: RGBImage, _ random: inout SplitMix64
  ) throws(EncodingFailure) -> RGBImage {
    var image = image
    if draw(resizedCropProbability, &random) {
      let box = ResizedCrop.box(in: image.size, scale: resizedCropScale, ratio: resizedCropRatio, &random)
      image = image.cropped(box).resized(to: ImageSize(width: resizedCropSize, height: resizedCropSize))
    }
    if draw(jitterProbability, &random) {
      image = ColourJitter(
        brightness: 1 + uniform(-brightness, brightness, &random), contrast: 1 + uniform(-contrast, contrast, &random),
        saturation: 1 + uniform(-saturation, saturation, &random), hue: uniform(-hue, hue, &random),
        order: ColourJitter.Step.allCases.shuffled(using: &random)
      ).applied(to: image)
    }
    if draw(greyProbability, &random) { image = image.grey() }
    if draw(cutoutProbability, &random) {
      let x = Int.random(in: 0..<image.size.width, using: &random)
      let y = Int.random(in: 0..<image.size.height, using: &random)
      image = image.withHole(centredAtX: x, y: y, size: cutoutSize, fill: cutoutFill)
    }
    if draw(noiseProbability, &random) {
      image = image.withNoise(deviation: uniform(noiseVariance[0], noiseVariance[1], &random).squareRoot(), &random)
    }
    if draw(blurProbability, &random) { image = image.blurred(sigma: uniform(blurSigma[0], blurSigma[1], &random)) }
    if draw(jpegProbability, &random) {
      let quality = Int.random(in: jpegQuality[0]...jpegQuality[1], using: &random)
      let compressed = draw(webpShare, &random) ? image.throughWebP(quality: quality) : nil
      if let compressed { image = compressed } else { image = try image.throughJPEG(quality: quality) }
    }
    if rotates { image = image.rotated(quarterTurns: Int.random(in: 0..<4, using: &random)) }
    if draw(flipProbability, &random) { image = image.flipped() }
    image = image.padded(to: cropSize)
    return image.cropped(
      PixelBox(
        x: Int.random(in: 0...image.size.width - cropSize, using: &random),
        y: Int.random(in: 0...image.size.height - cropSize, using: &random), width: cropSize, height: cropSize))
  }

  /// The crop out of the middle of an image, for validation.
  package func middle(of image: RGBImage) -> RGBImage {
    let image = image.padded(to: cropSize)
    return image.cropped(
      PixelBox(
        x: (image.size.width - cropSize) / 2, y: (image.size.height - cropSize) / 2, width: cropSize, height: cropSize))
  }

  private func draw(_ probability: Double, _ random: inout SplitMix64) -> Bool {
    uniform(0, 1, &random) < probability
  }

  private func uniform(_ low: Double, _ high: Double, _ random: inout SplitMix64) -> Double {
    low + (high - low) * (Double(random.next() >> 11) * 0x1p-53)
  }
}

/// A part of an image.
package struct PixelBox: Sendable, Equatable {
  package var x: Int
  package var y: Int
  package var width: Int
  package var height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
}
