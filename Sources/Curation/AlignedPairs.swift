import Datasets
import StayposCore
import SystemPackage

/// Real images and the generated ones made of them: those at the same place below the directories of the two labels,
/// but for the file's ending, as ``staypos dataset align`` writes them. Names say so even where the pictures have no
/// fingerprint, or differ too much.
struct AlignedPairs {
  /// Positions in the list of images.
  let pairs: [(real: Int, fake: Int)]

  init(_ images: [LabelledImage]) {
    var reals: [[UInt8]: Int] = [:]
    for (index, image) in images.enumerated() where image.label == .real {
      if let place = Self.place(image) { reals[place] = index }
    }
    pairs = images.enumerated().compactMap { index, image in
      guard image.label == .fake, let real = Self.place(image).flatMap({ reals[$0] }) else { return nil }
      return (real, index)
    }
  }

  /// The path without the directory that is the label, and without the ending; nil if there is no such directory.
  private static func place(_ image: LabelledImage) -> [UInt8]? {
    var components = Array(image.path.components)
    // The last one: what lies above the data set may have such a name too.
    guard let label = components.dropLast().lastIndex(where: { Label(directory: $0.string) == image.label }) else {
      return nil
    }
    components.remove(at: label)
    var place = FilePath(root: nil, components)
    place.extension = nil
    // Directories of their own, as a name may hold no slash: the place says where the label was.
    return Array("\(label)/".utf8) + place.bytes
  }
}
