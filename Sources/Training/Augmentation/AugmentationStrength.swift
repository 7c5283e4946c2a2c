/// Which augmentations, and how strong.
package enum AugmentationStrength: String, Sendable, CaseIterable {
  /// As Corvi et al. and Rajan et al. train, on many more images.
  case published
  /// For few images that have been compressed as uploads are already: blur, noise and strong compression leave too little
  /// in them to learn from.
  case light

  package var recipe: AugmentationRecipe {
    var recipe = AugmentationRecipe()
    guard self == .light else { return recipe }
    (recipe.resizedCropProbability, recipe.resizedCropScale) = (0.1, [0.25, 1])
    recipe.jitterProbability = 0.5
    (recipe.brightness, recipe.contrast, recipe.saturation, recipe.hue) = (0.2, 0.2, 0.2, 0.05)
    (recipe.greyProbability, recipe.cutoutProbability) = (0.05, 0.1)
    (recipe.noiseProbability, recipe.noiseVariance) = (0.1, [1, 10])
    (recipe.blurProbability, recipe.blurSigma) = (0.1, [0, 1])
    (recipe.jpegProbability, recipe.jpegQuality) = (0.2, [60, 100])
    // Uploads are upright.
    recipe.rotates = false
    return recipe
  }
}
