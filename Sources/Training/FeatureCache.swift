import Glibc
import Hashing
import StayposCore
import SystemPackage

/// A file of pooled features: one record for each image, found by the image's SHA-256, all of one backbone in one precision.
///
/// Records are only ever appended, each with a checksum: a process that is killed loses the record that it was writing, and
/// the next one goes on behind the last whole one. The numbers are those of the machine (little-endian).
///
///     header  128 bytes: magic, version, columns, backbone (SHA-256), precision
///     record  64 bytes: image (SHA-256), width, height, checksum (the first 8 bytes of a SHA-256 of all the rest);
///             then columns × fp32, and zeros up to a multiple of 64
package final class FeatureCache {
  /// What the features are of.
  package struct Key: Sendable, Equatable {
    /// ``Detection/BackboneIdentity``
    package var backbone: SHA256Digest
    package var precision: String
    package var columns: Int

    package init(backbone: SHA256Digest, precision: String, columns: Int) {
      self.backbone = backbone
      self.precision = precision
      self.columns = columns
    }
  }

  package let path: FilePath
  package let key: Key
  private let descriptor: FileDescriptor
  /// Rows of the images that the file holds.
  private var rows: [SHA256Digest: Int] = [:]
  /// The images, row by row.
  package private(set) var images: [SHA256Digest] = []

  private static let magic = Array("staypos features".utf8)
  private static let version: UInt32 = 1
  private static let headerSize = 128
  private static let recordHeaderSize = 64
  private static let checksumOffset = 48

  /// Opens the file, or makes it; nobody else can meanwhile (flock(2)).
  package init(path: FilePath, key: Key) throws(FeatureCacheError) {
    self.path = path
    self.key = key
    do {
      descriptor = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw FeatureCacheError(code: .system, path: path, message: "cannot open the features: \(error)")
    }
    do throws(FeatureCacheError) {
      try prepare()
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  deinit {
    try? descriptor.close()
  }

  package var count: Int { images.count }

  private func add(_ image: SHA256Digest) {
    rows[image] = images.count
    images.append(image)
  }

  /// Bytes of a record.
  private var recordSize: Int { Self.recordHeaderSize + (key.columns * 4 + 63) / 64 * 64 }

  /// The image's row; nil if it has none yet.
  package func row(of image: SHA256Digest) -> Int? { rows[image] }

  /// - Parameter features: as many as the key says.
  /// - Returns: the image's row.
  @discardableResult
  package func append(_ features: [Float], of image: SHA256Digest, size: ImageSize) throws(FeatureCacheError) -> Int {
    precondition(features.count == key.columns)
    if let row = rows[image] { return row }
    var record = [UInt8](repeating: 0, count: recordSize)
    record.replaceSubrange(0..<32, with: image.bytes)
    record.withUnsafeMutableBytes { record in
      record.storeBytes(of: UInt32(size.width), toByteOffset: 32, as: UInt32.self)
      record.storeBytes(of: UInt32(size.height), toByteOffset: 36, as: UInt32.self)
      for (index, feature) in features.enumerated() {
        record.storeBytes(of: feature, toByteOffset: Self.recordHeaderSize + 4 * index, as: Float.self)
      }
    }
    record.replaceSubrange(Self.checksumOffset..<Self.checksumOffset + 8, with: Self.checksum(record))
    let offset = Self.headerSize + count * recordSize
    do {
      try descriptor.writeAll(toAbsoluteOffset: Int64(offset), record)
    } catch {
      // Half a record would be in the next one's way.
      ftruncate(descriptor.rawValue, off_t(offset))
      throw system("write", error)
    }
    add(image)
    return count - 1
  }

  /// All rows so far; what is appended later is not in it. The file must not be made shorter while it is used.
  package func table() throws(FeatureCacheError) -> FeatureTable {
    guard count > 0 else { return FeatureTable([], columns: key.columns) }
    guard
      let table = FeatureTable(
        mapping: descriptor.rawValue, offset: Self.headerSize + Self.recordHeaderSize, stride: recordSize,
        columns: key.columns, count: count)
    else { throw system("map", Errno(rawValue: errno)) }
    return table
  }

  private func prepare() throws(FeatureCacheError) {
    guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      throw FeatureCacheError(
        code: .inUse, path: path, message: "another process uses these features: wait for it, or name another --cache")
    }
    let size: Int64
    do {
      size = try descriptor.seek(offset: 0, from: .end)
      if size < Self.headerSize {
        var header = [UInt8](repeating: 0, count: Int(size))
        _ = try header.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }
        // An empty file, or one whose maker was killed at once. Anything else is somebody's.
        guard self.header.starts(with: header) else { throw notACache }
        try descriptor.writeAll(toAbsoluteOffset: 0, self.header)
        return
      }
      try checkHeader()
      try readRecords(Int(size))
    } catch let error as FeatureCacheError {
      throw error
    } catch {
      throw system("read", error)
    }
  }

  private var header: [UInt8] {
    var header = [UInt8](repeating: 0, count: Self.headerSize)
    header.replaceSubrange(0..<16, with: Self.magic)
    header.withUnsafeMutableBytes { header in
      header.storeBytes(of: Self.version, toByteOffset: 16, as: UInt32.self)
      header.storeBytes(of: UInt32(key.columns), toByteOffset: 20, as: UInt32.self)
    }
    header.replaceSubrange(32..<64, with: key.backbone.bytes)
    let precision = Array(key.precision.utf8.prefix(32))
    header.replaceSubrange(64..<64 + precision.count, with: precision)
    return header
  }

  private var notACache: FeatureCacheError {
    FeatureCacheError(code: .notACache, path: path, message: "this file holds no features: name another --cache")
  }

  private func checkHeader() throws {
    var header = [UInt8](repeating: 0, count: Self.headerSize)
    _ = try header.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }
    guard header.starts(with: Self.magic), header[16..<20] == self.header[16..<20] else { throw notACache }
    guard header == self.header else {
      throw FeatureCacheError(
        code: .otherModel, path: path,
        message:
          "these features are of another backbone or in another precision: name another --cache, or delete the file")
    }
  }

  /// Takes in whole records and cuts off what follows the last one.
  private func readRecords(_ size: Int) throws {
    var record = [UInt8](repeating: 0, count: recordSize)
    while Self.headerSize + (count + 1) * recordSize <= size {
      let offset = Self.headerSize + count * recordSize
      var filled = 0
      while filled < recordSize {
        let read = try record.withUnsafeMutableBytes {
          try descriptor.read(
            fromAbsoluteOffset: Int64(offset + filled), into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
        }
        guard read > 0 else { break }
        filled += read
      }
      guard filled == recordSize, Array(record[Self.checksumOffset..<Self.checksumOffset + 8]) == Self.checksum(record),
        let image = SHA256Digest(bytes: Array(record[0..<32]))
      else { break }
      add(image)
    }
    let end = Self.headerSize + count * recordSize
    if end < size, ftruncate(descriptor.rawValue, off_t(end)) != 0 { throw Errno(rawValue: errno) }
  }

  /// Of all but its own bytes.
  private static func checksum(_ record: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    record.withUnsafeBytes { bytes in
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[..<checksumOffset]))
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[(checksumOffset + 8)...]))
    }
    return Array(hash.finalize().bytes.prefix(8))
  }

  private func system(_ action: String, _ error: any Error) -> FeatureCacheError {
    FeatureCacheError(code: .system, path: path, message: "cannot \(action) the features: \(error)")
  }
}
