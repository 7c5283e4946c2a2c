import Testing

@testable import NeuralNetwork

@Suite struct WidthClassTests {
  @Test func isLittleWider() {
    var last = 0
    for width in 1...20_000 {
      let rounded = WidthClass.rounding(width)
      #expect(rounded >= width && rounded >= last && rounded.isMultiple(of: 16), "\(width)")
      if width >= 256 { #expect(16 * (rounded - width) < width, "\(width)") }
      #expect(rounded - width < max(16, rounded / 16), "\(width)")
      #expect(WidthClass.rounding(rounded) == rounded, "\(width)")
      last = rounded
    }
    #expect(WidthClass.rounding(1) == 16)
    #expect(WidthClass.rounding(1_000) == 1_024)
    #expect(WidthClass.rounding(3_000) == 3_072)
  }

  @Test func thereAreFewOfThem() {
    for power in [256, 512, 1_024, 2_048, 4_096] {
      #expect(Set((power..<2 * power).map(WidthClass.rounding)).count == 17)
    }
  }

  @Test func usualWidthsAreClasses() {
    for width in [224, 256, 384, 512, 640, 768, 800, 1_024, 1_280, 1_536, 1_920, 2_048, 3_840, 4_096] {
      #expect(WidthClass.rounding(width) == width)
    }
  }
}
