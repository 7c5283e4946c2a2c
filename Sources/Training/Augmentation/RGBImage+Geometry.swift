import ImageDecoding
import StayposCore

extension RGBImage {
  /// An image whose pixels are those of this one at other places.
  private func gathered(_ size: ImageSize, _ place: (_ x: Int, _ y: Int) -> (x: Int, y: Int)) -> RGBImage {
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * size.width * size.height) { target, count in
      self.pixels.withUnsafeBufferPointer { source in
        var offset = 0
        for y in 0..<size.height {
          for x in 0..<size.width {
            let (sourceX, sourceY) = place(x, y)
            let from = 3 * (sourceY * self.size.width + sourceX)
            target.initializeElement(at: offset, to: source[from])
            target.initializeElement(at: offset + 1, to: source[from + 1])
            target.initializeElement(at: offset + 2, to: source[from + 2])
            offset += 3
          }
        }
      }
      count = 3 * size.width * size.height
    }
    return RGBImage(size: size, pixels: pixels)
  }

  /// Counterclockwise, as NumPy's `rot90`.
  package func rotated(quarterTurns: Int) -> RGBImage {
    let turned = ImageSize(width: size.height, height: size.width)
    switch quarterTurns & 3 {
    case 1: return gathered(turned) { (size.width - 1 - $1, $0) }
    case 2: return gathered(size) { (size.width - 1 - $0, size.height - 1 - $1) }
    case 3: return gathered(turned) { ($1, size.height - 1 - $0) }
    default: return self
    }
  }

  /// Left and right change places.
  package func flipped() -> RGBImage {
    gathered(size) { (size.width - 1 - $0, $1) }
  }

  /// At least so large on both sides: the image is mirrored at its edges (NumPy's `symmetric`), half of what is missing on
  /// each side.
  package func padded(to side: Int) -> RGBImage {
    let (width, height) = (max(size.width, side), max(size.height, side))
    guard width != size.width || height != size.height else { return self }
    let (left, top) = ((width - size.width) / 2, (height - size.height) / 2)
    func mirrored(_ position: Int, _ length: Int) -> Int {
      let period = 2 * length
      let place = ((position % period) + period) % period
      return place < length ? place : period - 1 - place
    }
    return gathered(ImageSize(width: width, height: height)) {
      (mirrored($0 - left, size.width), mirrored($1 - top, size.height))
    }
  }

  /// A square with its centre there, as much of it as lies in the image, in one colour.
  package func withHole(centredAtX x: Int, y: Int, size hole: Int, fill: UInt8) -> RGBImage {
    var image = self
    let columns = max(0, x - hole / 2)..<max(0, min(size.width, x + hole / 2))
    for row in max(0, y - hole / 2)..<max(0, min(size.height, y + hole / 2)) {
      let start = 3 * (row * size.width + columns.lowerBound)
      image.pixels.replaceSubrange(
        start..<start + 3 * columns.count, with: repeatElement(fill, count: 3 * columns.count))
    }
    return image
  }
}
