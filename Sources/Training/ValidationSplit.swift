import Hashing
import StayposCore

/// Divides images into training and validation by their content: the same image is on the same side wherever it lies, and
/// what is added to a dataset moves nothing.
package struct ValidationSplit: Sendable {
  private let share: Double
  private let seed: UInt64

  /// - Parameter share: of the images that go to the validation, 0..<1.
  package init(share: Double, seed: UInt64) {
    precondition((0..<1).contains(share))
    (self.share, self.seed) = (share, seed)
  }

  /// By a name instead.
  package func isValidation(named name: String) -> Bool {
    isValidation(SHA256Digest(hashing: Array(name.utf8)))
  }

  package func isValidation(_ image: SHA256Digest) -> Bool {
    let digest = SHA256Digest(hashing: withUnsafeBytes(of: seed.littleEndian) { Array($0) } + image.bytes)
    let value = digest.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Double(value >> 11) * 0x1p-53 < share
  }
}
