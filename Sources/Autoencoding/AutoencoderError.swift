/// Why an autoencoder cannot be loaded or run.
package struct AutoencoderError: Error, CustomStringConvertible {
  /// One line for people, with the file and the layer.
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}
