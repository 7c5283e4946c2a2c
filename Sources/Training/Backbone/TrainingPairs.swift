import Datasets
import StayposCore
import SystemPackage

/// What one draw of the augmentations is for: an image and its reconstruction, or an image alone.
package struct TrainingUnit: Sendable, Equatable {
  /// One, or a real one and the generated one made of it.
  package var images: [LabelledImage]

  /// Groups aligned images: a real and a generated one in the same group and split whose names are equal up to their ending.
  /// The others stay alone. In the order of the real ones, then of the rest.
  package static func aligned(_ images: [LabelledImage]) -> [TrainingUnit] {
    struct Key: Hashable {
      var group: [String?]
      var split: Split?
      var name: [UInt8]
    }
    func key(_ image: LabelledImage) -> Key {
      var bytes = image.path.bytes
      if let slash = bytes.lastIndex(of: UInt8(ascii: "/")) { bytes.removeSubrange(...slash) }
      if let dot = bytes.lastIndex(of: UInt8(ascii: ".")), dot > 0 { bytes.removeSubrange(dot...) }
      return Key(group: [image.group, image.category], split: image.split, name: bytes)
    }
    var generated: [Key: [LabelledImage]] = [:]
    for image in images.reversed() where image.label == .fake { generated[key(image), default: []].append(image) }
    var units: [TrainingUnit] = []
    for image in images where image.label == .real {
      if let partner = generated[key(image)]?.popLast() {
        units.append(TrainingUnit(images: [image, partner]))
      } else {
        units.append(TrainingUnit(images: [image]))
      }
    }
    var left = Set(generated.values.joined())
    for image in images where image.label == .fake && left.remove(image) != nil {
      units.append(TrainingUnit(images: [image]))
    }
    return units
  }
}
