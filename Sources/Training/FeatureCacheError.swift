import StayposCore
import SystemPackage

/// Why a file of features cannot be used.
package struct FeatureCacheError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// open(2), read(2), write(2) or mmap(2) failed.
    case system
    /// Something else than features.
    case notACache
    /// Features of another backbone or in another precision.
    case otherModel
    /// Another process writes to it.
    case inUse
  }

  package var code: Code
  package var path: FilePath
  /// What is wrong, and what to do about it.
  package var message: String

  package var description: String { "\(path.escaped): \(message)" }
}
