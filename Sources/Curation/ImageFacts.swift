import Glibc
import Hashing
import ImageDecoding
import StayposCore
import SystemPackage

/// What a file says about itself besides its picture.
package struct ImageFacts: Hashable, Sendable {
  package var format: ImageFormat
  package var size: ImageSize
  /// Bytes of the file.
  package var bytes: Int
  /// Of a JPEG, 1...100: see ``JPEGQuality``.
  package var quality: Int?
  package var sha256: SHA256Digest
  /// Nil if the picture has too little in it to be recognised.
  package var fingerprint: ImageFingerprint?

  package init(
    format: ImageFormat, size: ImageSize, bytes: Int, quality: Int? = nil, sha256: SHA256Digest,
    fingerprint: ImageFingerprint? = nil
  ) {
    self.format = format
    self.size = size
    self.bytes = bytes
    self.quality = quality
    self.sha256 = sha256
    self.fingerprint = fingerprint
  }

  /// Reads all of the file, and decodes it.
  package init(examining path: FilePath, limits: ImageLimits) throws(CurationError) {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard descriptor >= 0 else { throw CurationError("\(path.escaped): \(Errno(rawValue: errno))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw CurationError("\(path.escaped): no regular file")
    }
    do throws(DecodingFailure) {
      var reader = try ImageReader(descriptor: descriptor, limits: limits)
      (format, size) = (reader.format, reader.size)
      fingerprint = try ImageFingerprint(reading: &reader)
    } catch {
      throw CurationError("\(path.escaped): \(error.reason.rawValue): \(error.detail)")
    }
    do throws(Errno) {
      sha256 = try SHA256Digest(contentsOf: descriptor)
    } catch {
      throw CurationError("\(path.escaped): \(error)")
    }
    bytes = Int(status.st_size)
    quality = format == .jpeg ? JPEGQuality.estimate(descriptor) : nil
  }
}

/// Why a data set cannot be indexed, split or compared.
package struct CurationError: Error, CustomStringConvertible {
  /// One line for people.
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
