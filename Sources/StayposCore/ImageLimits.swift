/// Checked against an image's header before anything is allocated for its pixels.
package struct ImageLimits: Hashable, Sendable, Codable {
  /// Size of the file.
  package var bytes: Int
  /// Width × height.
  package var pixels: Int

  package init(bytes: Int = 200_000_000, pixels: Int = 100_000_000) {
    self.bytes = bytes
    self.pixels = pixels
  }
}
