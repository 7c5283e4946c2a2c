import Glibc
import ImageDecoding
import StayposCore
import Testing

@testable import Detection
@testable import staypos

@Suite struct PictureTests {
  /// CIE 1976 L*: what the eye takes for lightness.
  static func lightness(_ colour: Colour) -> Double {
    func linear(_ value: Double) -> Double {
      value / 255 <= 0.04045 ? value / 255 / 12.92 : pow((value / 255 + 0.055) / 1.055, 2.4)
    }
    let luminance = 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)
    return luminance > 0.008856 ? 116 * cbrt(luminance) - 16 : 903.3 * luminance
  }

  @Test func equalStepsOfValueLookEquallyLarge() {
    let lightness = (0...20).map { Self.lightness(ColourRamp.colour(Double($0) / 20)) }
    let steps = zip(lightness.dropFirst(), lightness).map { $0 - $1 }
    #expect(steps.allSatisfy { $0 > 2.5 && $0 < 5.5 }, "\(steps)")
    #expect(lightness[20] - lightness[0] > 70)
  }

  @Test func theRampEndsAtItsEnds() {
    #expect(ColourRamp.colour(-3) == ColourRamp.colour(0))
    #expect(ColourRamp.colour(7) == ColourRamp.colour(1))
    #expect(ColourRamp.colour(0) == Colour(0x440154))
    #expect(ColourRamp.colour(1) == Colour(0xFDE725))
  }

  @Test func positionsLieWhereTheirReceptiveFieldsAreCentred() {
    // DETECTORS: final row i of resnet50-nodown depends on input rows 8i − 56 … 8i + 56.
    #expect(MapGeometry(.resnet(.resnet50NoDown)) == MapGeometry(stride: 8, offset: 0))
    // One 3×3 of stride 2 with (0, 1): output i sees 2i … 2i + 2.
    let one = EfficientNetLite(stem: .init(kernel: 3, stride: 2, width: 4), blocks: [], head: 4, minimumSize: 1)
    #expect(MapGeometry(.efficientNetLite(one)) == MapGeometry(stride: 2, offset: 1))
    // A 5×5 of stride 2 with (1, 2) behind it sees 2j − 1 … 2j + 3 of those: the centre 2j + 1 is pixel 4j + 3.
    var two = one
    two.blocks = [.init(kernel: 5, stride: 2, expand: 1, width: 4, repeats: 2)]
    #expect(MapGeometry(.efficientNetLite(two)) == MapGeometry(stride: 4, offset: 3))
  }

  @Test func interpolationIsExactAtThePositions() {
    let map = EvidenceMap(width: 3, height: 2, values: [0, 1, 2, 10, 11, 12])
    let geometry = MapGeometry(stride: 8, offset: 4)
    for y in 0..<2 {
      for x in 0..<3 {
        #expect(map.value(atColumn: Double(8 * x + 4), row: Double(8 * y + 4), geometry) == map[x, y])
      }
    }
    #expect(map.value(atColumn: 8, row: 8, geometry) == 5.5)
    #expect(map.value(atColumn: -5, row: -5, geometry) == 0)
    #expect(map.value(atColumn: 1000, row: 1000, geometry) == 12)
  }

  @Test(
    arguments: [
      ([0, 7.7], ["0", "2", "4", "6"]), ([0, 1.313], ["0.0", "0.5", "1.0"]),
      ([0, 0.024], ["0.000", "0.005", "0.010", "0.015", "0.020"]),
      ([0, 43], ["0", "10", "20", "30", "40"]), ([-3, 5], ["-2", "0", "2", "4"]),
      ([0, 0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ] as [([Double], [String])])
  func ticksAreRoundNumbers(_ values: [Double], _ labels: [String]) {
    #expect(ValueScale(values).ticks(count: 5).map(\.label) == labels)
  }

  /// A picture of one colour of image and one value: every pixel of it has the colour that the scale shows for them.
  @Test func theScaleSaysWhatTheColoursAre() {
    let size = ImageSize(width: 600, height: 600)
    let image = RGBImage(size: size, pixels: Array(repeating: 255, count: 3 * 600 * 600))
    let map = EvidenceMap(width: 2, height: 2, values: [3, 3, 3, 3])
    let picture = EvidencePicture(
      image: image, map: map, geometry: MapGeometry(stride: 8, offset: 0), scale: ValueScale(map.values), title: [],
      caption: []
    ).draw().image
    func pixel(_ x: Int, _ y: Int) -> [Int] {
      let offset = 3 * (y * picture.size.width + x)
      return picture.pixels[offset..<offset + 3].map { Int($0) }
    }
    // At the top of the scale, at its bright end, is the largest value on white.
    let row = 8 * 2 + 3 * 2
    let scaleEnd = 8 * 2 + 600 + 2 * 16 + 18 * 2 - 1
    let (onImage, onScale) = (pixel(100, 300), pixel(scaleEnd, row))
    let differences = zip(onImage, onScale).map { abs($0 - $1) }
    #expect(differences.allSatisfy { $0 <= 1 }, "\(onImage) \(onScale)")
    #expect(pixel(100, 300) == pixel(500, 100))
  }

  @Test func everySizeOfImageGivesAPicture() {
    for (width, height) in [(1, 1), (1, 3000), (5000, 2), (33, 32)] {
      let image = RGBImage(
        size: ImageSize(width: width, height: height), pixels: Array(repeating: 9, count: 3 * width * height))
      let map = EvidenceMap(width: 1, height: 1, values: [0])
      let canvas = EvidencePicture(
        image: image, map: map, geometry: MapGeometry(stride: 8, offset: 0), scale: ValueScale(map.values),
        title: ["title"], caption: ["caption"]
      ).draw()
      #expect(canvas.width <= 2400 && canvas.height <= 2400, "\(width) x \(height)")
    }
  }

  @Test func lettersDiffer() {
    var seen: Set<[Bool]> = []
    for code in 0x20..<UInt32(0x7F) {
      let character = UnicodeScalar(code) ?? " "
      seen.insert((0..<8).flatMap { row in (0..<5).map { BitmapFont.isSet(character, column: $0, row: row) } })
    }
    #expect(seen.count == 95)
  }
}
