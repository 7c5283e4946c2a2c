import CImageCodecs

/// What the decoder reads, recognised by content and never by name.
package enum ImageFormat: String, Sendable, Hashable, CaseIterable {
  case png
  case jpeg

  init(_ format: sp_image_format) {
    self =
      switch format {
      case .SP_PNG: .png
      case .SP_JPEG: .jpeg
      }
  }
}
