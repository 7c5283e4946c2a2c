import ImageDecoding
import StayposCore
import Transforms

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
  /// Drawn for each channel.
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
      image = image.cropped(x: box.x, y: box.y, to: box.size)
        .resized(to: ImageSize(width: resizedCropSize, height: resizedCropSize), .bilinear)
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
      let variance = uniform(noiseVariance[0], noiseVariance[1], &random)
      image = image.noisy(deviation: variance.squareRoot(), using: &random)
    }
    if draw(blurProbability, &random) {
      image = image.blurred(sigmas: (0..<3).map { _ in uniform(blurSigma[0], blurSigma[1], &random) })
    }
    if draw(jpegProbability, &random) {
      let quality = Int.random(in: jpegQuality[0]...jpegQuality[1], using: &random)
      // libwebp takes no larger ones.
      let isWebP = draw(webpShare, &random) && max(image.size.width, image.size.height) <= WEBP.longestSide
      let codec = isWebP ? ImageTransform.webp(quality: Double(quality)) : .jpeg(quality: quality)
      image = try codec.applied(to: image, using: &random)
    }
    // The crop is found before the rest is turned in vain.
    let turns = rotates ? Int.random(in: 0..<4, using: &random) : 0
    let isFlipped = draw(flipProbability, &random)
    image = image.padded(to: cropSize)
    let isUpright = turns.isMultiple(of: 2)
    let room = (image.size.width - cropSize, image.size.height - cropSize)
    let x = Int.random(in: 0...(isUpright ? room.0 : room.1), using: &random)
    let y = Int.random(in: 0...(isUpright ? room.1 : room.0), using: &random)
    let place = Self.place(x: x, y: y, turns: turns, isFlipped: isFlipped, room: room)
    let crop = image.cropped(x: place.x, y: place.y, to: ImageSize(width: cropSize, height: cropSize))
      .rotated(quarterTurns: turns)
    return isFlipped ? crop.flipped() : crop
  }

  /// Where the crop lies before the image is turned counterclockwise, then flipped.
  /// - Parameter room: how far it can lie to the right and down.
  private static func place(
    x: Int, y: Int, turns: Int, isFlipped: Bool, room: (x: Int, y: Int)
  ) -> (x: Int, y: Int) {
    let x = isFlipped ? (turns.isMultiple(of: 2) ? room.x : room.y) - x : x
    switch turns {
    case 1: return (room.x - y, x)
    case 2: return (room.x - x, room.y - y)
    case 3: return (y, room.y - x)
    default: return (x, y)
    }
  }

  /// The crop out of the middle of an image, for validation.
  package func middle(of image: RGBImage) -> RGBImage {
    let image = image.padded(to: cropSize)
    return image.cropped(
      x: (image.size.width - cropSize) / 2, y: (image.size.height - cropSize) / 2,
      to: ImageSize(width: cropSize, height: cropSize))
  }

  private func draw(_ probability: Double, _ random: inout SplitMix64) -> Bool {
    uniform(0, 1, &random) < probability
  }

  private func uniform(_ low: Double, _ high: Double, _ random: inout SplitMix64) -> Double {
    low + (high - low) * random.nextUniform()
  }
}
