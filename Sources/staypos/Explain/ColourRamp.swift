/// Viridis (Smith, van der Walt, Firing 2015; CC0): equal steps of the value look equally large, also without colour
/// and to people who do not tell red from green.
enum ColourRamp {
  /// At 0, 1/32 … 1; linear in between.
  private static let anchors: [UInt32] = [
    0x440154, 0x470D60, 0x48186A, 0x482374, 0x472D7B, 0x453781, 0x424086, 0x3E4989, 0x3B528B, 0x375B8D, 0x33638D,
    0x2F6B8E, 0x2C728E, 0x297A8E, 0x26828E, 0x23898E, 0x21918C, 0x1F988B, 0x1FA088, 0x22A785, 0x28AE80, 0x32B67A,
    0x3FBC73, 0x4EC36B, 0x5EC962, 0x70CF57, 0x84D44B, 0x98D83E, 0xADDC30, 0xC2DF23, 0xD8E219, 0xECE51B, 0xFDE725,
  ]

  /// - Parameter value: 0...1; what lies outside gets the colour of the end.
  static func colour(_ value: Double) -> Colour {
    let position = min(max(value, 0), 1) * Double(anchors.count - 1)
    let index = min(Int(position), anchors.count - 2)
    return Colour(anchors[index]).mixed(with: Colour(anchors[index + 1]), share: position - Double(index))
  }
}

/// sRGB, 0...255.
struct Colour: Equatable {
  var red: Double
  var green: Double
  var blue: Double

  static let white = Colour(grey: 255)

  init(red: Double, green: Double, blue: Double) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  init(grey: Double) {
    self.init(red: grey, green: grey, blue: grey)
  }

  init(_ hexadecimal: UInt32) {
    self.init(
      red: Double(hexadecimal >> 16 & 255), green: Double(hexadecimal >> 8 & 255), blue: Double(hexadecimal & 255))
  }

  func mixed(with other: Colour, share: Double) -> Colour {
    Colour(
      red: red + (other.red - red) * share, green: green + (other.green - green) * share,
      blue: blue + (other.blue - blue) * share)
  }
}
