import Datasets
import Glibc
import Hashing
import StayposCore
import SystemPackage

/// What a training is made of besides its settings: one that goes on from a checkpoint has to have the same.
package struct TrainingOrigin: Sendable, Equatable, Codable {
  /// SHA-256 of the file that it began with.
  package var model: SHA256Digest
  /// Over the images' contents, labels and order, those for validation included; where they lie does not matter.
  package var images: SHA256Digest

  package init(model: SHA256Digest, images: SHA256Digest) {
    (self.model, self.images) = (model, images)
  }

  /// Reads all images once.
  /// - Parameter observe: after each image: how many have been read.
  package init(
    model: SHA256Digest, units: [TrainingUnit], validation: [LabelledImage], observe: (Int) -> Void = { _ in }
  ) {
    // Of each image its label and its content's SHA-256, with the numbers that they can be told apart by.
    var text: [UInt8] = []
    var done = 0
    func add(_ count: Int) { withUnsafeBytes(of: UInt64(count).littleEndian) { text += $0 } }
    for part in [units, validation.map { TrainingUnit(images: [$0]) }] {
      add(part.count)
      for unit in part {
        add(unit.images.count)
        for image in unit.images {
          // One that cannot be read is left out of the training, too.
          let content = Self.digest(image.path)?.bytes ?? []
          text += [image.label == .fake ? 1 : 0, UInt8(content.count)] + content
          done += 1
          observe(done)
        }
      }
    }
    self.init(model: model, images: SHA256Digest(hashing: text))
  }

  private static func digest(_ path: FilePath) -> SHA256Digest? {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return try? SHA256Digest(contentsOf: descriptor)
  }
}
