import Glibc
import StayposCore

@testable import ImageDecoding

extension FuzzTarget {
  /// Also with the check sums put right, which no mutation can guess.
  static let png = FuzzTarget("png") { input in
    guard input.starts(with: PNGCheckSums.signature) else { return false }
    checkDecoding(input)
    let mended = PNGCheckSums.mended(input)
    if mended != input { checkDecoding(mended) }
    return true
  }

  static let jpeg = FuzzTarget("jpeg") { input in
    guard input.starts(with: [0xFF, 0xD8, 0xFF]) else { return false }
    checkDecoding(input)
    return true
  }
}

/// Small, so that one input takes milliseconds; what has one size has any.
private let limits = ImageLimits(bytes: 1 << 20, pixels: 1 << 16, memory: 1 << 22)

/// An image or a reason, the same from memory and from a file, in however many rows at a time.
private func checkDecoding(_ input: [UInt8]) {
  let rows = 1 + Int(input.reduce(0) { $0 &* 31 &+ $1 } % 19)
  let decoded = decode(rowsAtATime: rows) { () throws(DecodingFailure) in try ImageReader(bytes: input, limits: limits)
  }
  let again = decode(rowsAtATime: 1 << 16) { () throws(DecodingFailure) in
    try ImageReader(descriptor: MemoryFile.holding(input), limits: limits)
  }
  require(decoded == again, "by \(rows) rows from memory: \(summary(decoded)); at once from a file: \(summary(again))")
  guard case .success(let image) = decoded, image.pixels.count < 4096 else { return }
  guard let written = try? PNGEncoder.encode(image), let back = try? RGBImage.decode(bytes: written, limits: limits)
  else {
    fatalError("an image that cannot be written and read")
  }
  require(back == image, "an image that is another one after writing and reading")
}

private func decode(
  rowsAtATime rows: Int, _ open: () throws(DecodingFailure) -> ImageReader
) -> Result<RGBImage, DecodingFailure> {
  do throws(DecodingFailure) {
    var reader = try open()
    let size = reader.size
    require(size.width > 0 && size.height > 0 && size.width * size.height <= limits.pixels, "\(size) is not allowed")
    var pixels: [UInt8] = []
    while reader.position < size.height {
      let wanted = min(rows, size.height - reader.position)
      let buffer = GuardedBuffer.bytes(wanted * reader.rowByteCount, filledWith: 0xA5)
      do throws(DecodingFailure) {
        let count = try reader.read(rows: rows, into: buffer)
        require(count == wanted, "\(count) rows instead of \(wanted)")
      } catch {
        require(!error.detail.isEmpty, "a failure without words")
        var second: DecodingFailure?
        do throws(DecodingFailure) { _ = try reader.read(rows: 1, into: buffer) } catch { second = error }
        require(second == error, "after \(error) came \(second.map { "\($0)" } ?? "a row")")
        throw error
      }
      pixels += buffer
    }
    require((try? reader.read(rows: 1, into: GuardedBuffer.bytes(0, filledWith: 0))) == 0, "rows below the last")
    return .success(RGBImage(size: size, pixels: pixels))
  } catch {
    return .failure(error)
  }
}

private func summary(_ result: Result<RGBImage, DecodingFailure>) -> String {
  switch result {
  case .success(let image): "\(image.size), pixels \(image.pixels.hashValue)"
  case .failure(let failure): "\(failure)"
  }
}
