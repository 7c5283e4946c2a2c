/// Why a data set cannot be read.
package struct DatasetError: Error, Equatable, CustomStringConvertible {
  /// What is wrong, where, and what to do about it.
  package var message: String

  package init(_ message: String) {
    self.message = message
  }

  package var description: String { message }
}
