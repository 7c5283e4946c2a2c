/// Checked against an image's header before anything is allocated for its pixels.
package struct ImageLimits: Hashable, Sendable, Codable {
  /// Size of the file.
  package var bytes: Int
  /// Width × height.
  package var pixels: Int
  /// Bytes that the decoder itself may need: all coefficients of a progressive JPEG, all rows of an interlaced PNG.
  /// The default is enough for a progressive CMYK JPEG of the default number of pixels.
  package var memory: Int

  package init(bytes: Int = 200_000_000, pixels: Int = 100_000_000, memory: Int = 1 << 30) {
    self.bytes = bytes
    self.pixels = pixels
    self.memory = memory
  }
}
