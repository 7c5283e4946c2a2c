import Curation
import Datasets
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct ClassDifferencesTests {
  private func entries(
    _ label: Label, _ count: Int, _ random: inout SeededGenerator, _ change: (inout ImageFacts, Int) -> Void
  ) -> [DatasetIndex.Entry] {
    (0..<count).map { number in
      var facts = ImageFacts(
        format: .jpeg,
        size: ImageSize(
          width: .random(in: 300...2000, using: &random), height: .random(in: 300...2000, using: &random)),
        bytes: .random(in: 50_000...900_000, using: &random), quality: .random(in: 60...98, using: &random),
        sha256: SHA256Digest(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!)
      change(&facts, number)
      return DatasetIndex.Entry(LabelledImage(path: "/i", name: "i", label: label), facts)
    }
  }

  @Test("Classes that differ by chance alone are left in peace, mostly")
  func alike() throws {
    var random = SeededGenerator(seed: 3)
    var found = 0
    for _ in 0..<50 {
      let all = entries(.real, 80, &random) { _, _ in } + entries(.fake, 120, &random) { _, _ in }
      found += try #require(ClassDifferences(all)).properties.count(where: \.isSuspicious)
    }
    // Six properties each, one in twenty at most.
    #expect(found <= 20)
  }

  @Test("A format, a quality and sizes that tell the classes apart are named with their rule")
  func different() throws {
    var random = SeededGenerator(seed: 4)
    let real = entries(.real, 100, &random) { facts, number in facts.quality = 85 + number % 14 }
    let fake = entries(.fake, 100, &random) { facts, number in
      if number % 10 != 0 { (facts.format, facts.quality) = (.png, nil) } else { facts.quality = 75 }
      facts.size = ImageSize(width: 1024, height: 1024)
    }
    let properties = try #require(ClassDifferences(real + fake)).properties
    let format = try #require(properties.first { $0.name == "format" })
    #expect(abs(format.accuracy - 0.95) < 1e-12 && format.rule == "png" && format.isSuspicious)
    let quality = try #require(properties.first { $0.name == "JPEG quality" })
    #expect(quality.accuracy == 1 && quality.rule == "at most 75")
    let sides = try #require(properties.first { $0.name == "sides" })
    #expect(sides.rule == "multiples of 64" && sides.isSuspicious)
    #expect(ClassDifferences(real) == nil)
  }
}
