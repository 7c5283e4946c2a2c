import SystemPackage

/// A configuration that cannot be used, and where its author has to look.
package struct ConfigurationError: Error, CustomStringConvertible {
  package var file: FilePath
  /// 1-based; nil where the file as a whole is meant.
  package var line: Int?
  package var column: Int?
  package var message: String

  package var description: String {
    let place = [line, column].compactMap { $0.map { ":\($0)" } }.joined()
    return "\(file)\(place): \(message)"
  }
}
