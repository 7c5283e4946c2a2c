/// Why a training cannot go on. What is in its checkpoint stays.
package struct BackboneTrainingError: Error, Equatable, CustomStringConvertible {
  /// One line for people.
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}
