import CImageCodecs
import StayposCore

/// Decodes one PNG or JPEG from top to bottom, a few rows at a time, as 8-bit RGB.
///
/// The pixels are those of Pillow's `Image.open(file).convert("RGB")` with alpha dropped: grey is replicated, a palette
/// resolved, 1, 2 and 4 bits scaled to 0...255, CMYK and YCCK taken as Adobe's inverted ones. Transparency, gamma, ICC
/// profiles and the EXIF orientation change nothing. Of 16-bit samples the high byte counts; Pillow has the same, except
/// for 16-bit grey without alpha, which it clips at 255 and so turns nearly white.
///
/// Memory is a few rows, except for interlaced PNGs (all rows) and JPEGs of several scans (all coefficients); that is
/// compared with ``StayposCore/ImageLimits/memory`` before it is allocated. Everything that needs it happens in the first
/// ``read(rows:into:)``: opening is cheap.
///
/// A damaged file gives rows up to the damage and then an error, so rows are an image only when all have come. What
/// follows the image data (a missing end marker, trailing bytes) is not looked at.
package struct ImageReader: ~Copyable {
  package let format: ImageFormat
  package let size: ImageSize
  private let reader: OpaquePointer

  /// Reads the header of a regular file, with `pread(2)` from its first byte: the file position stays.
  /// - Parameter descriptor: borrowed; has to outlive the reader.
  package init(descriptor: CInt, limits: ImageLimits) throws(DecodingFailure) {
    var failure = sp_failure()
    var limits = sp_limits(limits)
    guard let reader = sp_reader_open_descriptor(descriptor, &limits, &failure) else { throw DecodingFailure(failure) }
    self.init(owning: reader)
  }

  /// - Parameter bytes: the file; copied.
  package init(bytes: [UInt8], limits: ImageLimits) throws(DecodingFailure) {
    var failure = sp_failure()
    var limits = sp_limits(limits)
    guard let reader = sp_reader_open_memory(bytes, bytes.count, &limits, &failure) else {
      throw DecodingFailure(failure)
    }
    self.init(owning: reader)
  }

  private init(owning reader: OpaquePointer) {
    self.reader = reader
    format = ImageFormat(sp_reader_format(reader))
    size = ImageSize(width: Int(sp_reader_width(reader)), height: Int(sp_reader_height(reader)))
  }

  deinit {
    sp_reader_close(reader)
  }

  /// Bytes of a row: three for each pixel.
  package var rowByteCount: Int { 3 * size.width }

  /// Rows that have been read.
  package var position: Int { Int(sp_reader_position(reader)) }

  /// Reads the next rows, tightly packed.
  /// - Parameters:
  ///   - rows: how many at most.
  ///   - pixels: room for them, at least `rows` × ``rowByteCount`` bytes, or what is left of the image.
  /// - Returns: how many; fewer than `rows` at the end of the image, then 0.
  /// - Throws: the same error again and again once there was one.
  package mutating func read(rows: Int, into pixels: inout MutableSpan<UInt8>) throws(DecodingFailure) -> Int {
    try pixels.withUnsafeMutableBufferPointer { (buffer) throws(DecodingFailure) in
      try read(rows: rows, into: buffer)
    }
  }

  mutating func read(rows: Int, into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DecodingFailure) -> Int {
    let start = position
    let wanted = min(rows, size.height - start)
    guard wanted > 0, let base = buffer.baseAddress else { return 0 }
    precondition(buffer.count >= wanted * rowByteCount, "no room for \(wanted) rows")
    var failure = sp_failure()
    guard sp_reader_read(reader, base, UInt32(wanted), &failure) == .SP_OK else { throw DecodingFailure(failure) }
    return wanted
  }
}

extension sp_limits {
  fileprivate init(_ limits: ImageLimits) {
    self.init(
      bytes: UInt64(clamping: limits.bytes), pixels: UInt64(clamping: limits.pixels),
      memory: UInt64(clamping: limits.memory))
  }
}
