import ImageDecoding

/// torchvision's ColorJitter on 8-bit images, which is Pillow's enhancers and its HSV, with their rounding.
struct ColourJitter {
  enum Step: CaseIterable {
    case brightness
    case contrast
    case saturation
    case hue
  }

  /// 1 changes nothing.
  var brightness: Double
  var contrast: Double
  var saturation: Double
  /// −0.5...0.5 of the circle; 0 changes nothing.
  var hue: Double
  var order: [Step]

  func applied(to image: RGBImage) -> RGBImage {
    var image = image
    for step in order {
      switch step {
      case .brightness: image = image.blended(by: brightness, with: 0)
      case .contrast: image = image.blended(by: contrast, with: image.meanLuma)
      case .saturation: image = image.blendedWithLuma(by: saturation)
      case .hue: image = image.hueShifted(by: hue)
      }
    }
    return image
  }
}

extension RGBImage {
  /// Luma in all three channels.
  package func grey() -> RGBImage { blendedWithLuma(by: 0) }

  private static func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    let sum = UInt32(red) * 19595 + UInt32(green) * 38470 + UInt32(blue) * 7471
    return UInt8((sum + 0x8000) >> 16)
  }

  /// Rounded to a whole number.
  fileprivate var meanLuma: UInt8 {
    var sum = 0
    pixels.withUnsafeBufferPointer { pixels in
      for offset in stride(from: 0, to: pixels.count, by: 3) {
        sum += Int(Self.luma(pixels[offset], pixels[offset + 1], pixels[offset + 2]))
      }
    }
    return UInt8(Double(sum) / Double(pixels.count / 3) + 0.5)
  }

  /// The same level in all channels.
  fileprivate func blended(by share: Double, with level: UInt8) -> RGBImage {
    let table = (0...255).map { Self.blend(UInt8($0), Float(level), Float(share)) }
    return RGBImage(size: size, pixels: pixels.map { table[Int($0)] })
  }

  fileprivate func blendedWithLuma(by share: Double) -> RGBImage {
    let share = Float(share)
    return mapped { red, green, blue in
      let luma = Float(Self.luma(red, green, blue))
      return (Self.blend(red, luma, share), Self.blend(green, luma, share), Self.blend(blue, luma, share))
    }
  }

  /// other + share · (level − other), cut off like Pillow's `Image.blend`.
  private static func blend(_ level: UInt8, _ other: Float, _ share: Float) -> UInt8 {
    UInt8(truncatingIfNeeded: Int32(min(max(other + share * (Float(level) - other), 0), 255)))
  }

  private func mapped(_ change: (UInt8, UInt8, UInt8) -> (UInt8, UInt8, UInt8)) -> RGBImage {
    let mapped = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
      pixels.withUnsafeBufferPointer { source in
        for offset in stride(from: 0, to: source.count, by: 3) {
          (target[offset], target[offset + 1], target[offset + 2]) = change(
            source[offset], source[offset + 1], source[offset + 2])
        }
      }
      count = pixels.count
    }
    return RGBImage(size: size, pixels: mapped)
  }

  fileprivate func hueShifted(by share: Double) -> RGBImage {
    // As torchvision adds it: one byte that wraps around.
    let shift = UInt8(truncatingIfNeeded: Int(share * 255))
    return mapped { red, green, blue in
      var colour = HSV(red, green, blue)
      colour.hue &+= shift
      return colour.rgb
    }
  }
}

/// Pillow's 8-bit HSV.
private struct HSV {
  var hue: UInt8
  var saturation: UInt8
  var value: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    let (highest, lowest) = (max(red, green, blue), min(red, green, blue))
    value = highest
    guard highest > lowest else {
      (hue, saturation) = (0, 0)
      return
    }
    let range = Float(highest - lowest)
    // Pillow divides in Float and goes on in Double.
    func distance(_ channel: UInt8) -> Double { Double(Float(highest - channel) / range) }
    let (r, g, b) = (distance(red), distance(green), distance(blue))
    let sector = Float(red == highest ? b - g : green == highest ? 2 + r - b : 4 + g - r)
    let turns = Double(sector) / 6 + 1
    let turn = Float(turns < 1 ? turns : turns - 1)
    hue = UInt8(clamping: Int(Double(turn) * 255))
    saturation = UInt8(clamping: Int(Double(range / Float(highest)) * 255))
  }

  var rgb: (UInt8, UInt8, UInt8) {
    guard saturation > 0 else { return (value, value, value) }
    let position = Double(hue) * 6 / 255
    let sector = Int(position)
    // Pillow keeps these as Float.
    let rest = Double(Float(position - Double(sector)))
    let (share, v) = (Double(Float(Double(saturation) / 255)), Double(value))
    // Float(x).rounded(), without a call: a half more is exact in Double.
    func rounded(_ x: Double) -> UInt8 { UInt8(truncatingIfNeeded: Int32(Double(Float(x)) + 0.5)) }
    let p = rounded(v * (1 - share))
    let q = rounded(v * (1 - share * rest))
    let t = rounded(v * (1 - share * (1 - rest)))
    switch sector % 6 {
    case 0: return (value, t, p)
    case 1: return (q, value, p)
    case 2: return (p, value, t)
    case 3: return (p, q, value)
    case 4: return (t, p, value)
    default: return (value, p, q)
    }
  }
}
