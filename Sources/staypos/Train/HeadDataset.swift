import Datasets
import Hashing
import StayposCore
import SystemPackage
import Training

/// Labelled images divided into training and validation, as rows of a cache.
struct HeadDataset {
  var training = LabelledRows()
  var validation = LabelledRows()
  /// Files that gave no features.
  var notScored = 0
  /// Files below no directory that says what they are.
  var unlabelled = 0
  /// Images that are in the dataset more than once, and those of them that are there with both labels: these are left out.
  var repeated = 0
  var contradictory = 0

  /// The labelled images below some roots, without those that are kept for a test.
  static func read(_ roots: [FilePath]) throws -> (images: [LabelledImage], unlabelled: Int) {
    var (images, unlabelled): ([LabelledImage], Int) = ([], 0)
    for root in roots {
      let dataset = try Dataset(reading: root)
      for part in dataset.unreadable { Console.complain("\(part.path.escaped): \(part.errno)") }
      let kept = dataset.images.filter { $0.split != .test }
      if kept.count < dataset.images.count {
        Console.complain("\(root.escaped): \(dataset.images.count - kept.count) test images are left out")
      }
      images += kept
      unlabelled += dataset.unlabelled.count
    }
    return (images, unlabelled)
  }

  /// - Parameter isValidation: of an image, and of its row: what its content decides.
  mutating func add(
    _ images: [LabelledImage], _ outcomes: [FeatureExtractor.Outcome], isValidation: (LabelledImage, Int) -> Bool
  ) {
    struct Seen {
      var isGenerated: Bool
      var isValidation: Bool
      var count = 0
      var isContradictory = false
    }
    var seen: [Int: Seen] = [:]
    var order: [Int] = []
    for (image, outcome) in zip(images, outcomes) {
      guard case .row(let row) = outcome else {
        notScored += 1
        continue
      }
      if seen[row] == nil {
        seen[row] = Seen(isGenerated: image.label == .fake, isValidation: isValidation(image, row))
        order.append(row)
      }
      // Under another name too: what is measured on is not trained on.
      if isValidation(image, row) { seen[row]?.isValidation = true }
      seen[row]?.count += 1
      if seen[row]?.isGenerated != (image.label == .fake) { seen[row]?.isContradictory = true }
    }
    for row in order {
      guard let image = seen[row] else { continue }
      repeated += image.count - 1
      if image.isContradictory {
        contradictory += 1
      } else if image.isValidation {
        validation.append(row, isGenerated: image.isGenerated)
      } else {
        training.append(row, isGenerated: image.isGenerated)
      }
    }
  }
}
