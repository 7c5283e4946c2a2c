import Curation
import Datasets
import Foundation
import Hashing
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct SplitTests {
  private func entry(
    _ label: Label, source: String?, number: Int, print: ImageFingerprint?, sha256: UInt8? = nil
  ) -> DatasetIndex.Entry {
    let name = FilePath("\(label == .real ? "0_real" : "1_fake")/\(source ?? "")/\(number).png")
    var digest = [UInt8](repeating: 0, count: 32)
    withUnsafeBytes(of: (UInt64(number), label == .real)) { digest.replaceSubrange(0..<9, with: $0.prefix(9)) }
    if let sha256 { digest = [UInt8](repeating: sha256, count: 32) }
    return DatasetIndex.Entry(
      LabelledImage(path: FilePath("/data").pushing(name), name: name, label: label, source: source),
      ImageFacts(
        format: .png, size: ImageSize(width: 64, height: 64), bytes: 1000, sha256: SHA256Digest(bytes: digest)!,
        fingerprint: print))
  }

  @Test("No source and no picture is ever on two sides, and every class is on every side", arguments: 0..<20)
  func noLeaks(_ round: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var entries: [DatasetIndex.Entry] = []
    for label in Label.allCases {
      for source in 0..<Int.random(in: 12...40, using: &random) {
        for _ in 0..<Int.random(in: 1...15, using: &random) {
          // Some pictures are versions of earlier ones, mostly of another source or class.
          var print = ImageFingerprint(across: random.next(), down: random.next())
          if random.next() % 40 == 0, let other = entries.randomElement(using: &random)?.facts.fingerprint {
            print = ImageFingerprint(across: other.across ^ 0b101, down: other.down)
          }
          entries.append(entry(label, source: "s\(source)", number: entries.count, print: print))
        }
      }
    }
    let shares: [Split: Double] = [.train: 0.6, .validation: 0.2, .test: 0.2]
    let split: SourceSplit
    do {
      split = try SourceSplit(DatasetIndex(entries), shares: shares, seed: seed)
    } catch {
      // Chance may have chained nearly everything together.
      #expect("\(error)".contains("too few sources"), "seed \(seed)")
      return
    }
    let result = split.index.entries
    #expect(result.count == entries.count && result.allSatisfy { $0.image.split != nil }, "seed \(seed)")
    var sides: [String: Set<Split?>] = [:]
    for item in result { sides["\(item.image.label) \(item.image.source ?? "")", default: []].insert(item.image.split) }
    #expect(sides.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
    for one in result {
      for other in result {
        guard let mine = one.facts.fingerprint, let theirs = other.facts.fingerprint else { continue }
        if mine.distance(to: theirs) <= ImageFingerprint.nearDistance {
          #expect(one.image.split == other.image.split, "seed \(seed)")
        }
      }
    }
    #expect(
      try SourceSplit(DatasetIndex(entries), shares: shares, seed: seed).index.entries.map(\.image)
        == result.map(\.image))
  }

  @Test("Shares are kept where the sources are small")
  func shares() throws {
    var random = SeededGenerator(seed: 5)
    let entries = (0..<2000).map { number in
      entry(
        number % 3 == 0 ? .real : .fake, source: "s\(number / 10)", number: number,
        print: ImageFingerprint(across: random.next(), down: random.next()))
    }
    let split = try SourceSplit(DatasetIndex(entries), shares: [.train: 8, .validation: 1, .test: 1], seed: 1)
    for label in Label.allCases {
      let mine = split.index.entries.filter { $0.image.label == label }
      let share = Double(mine.count { $0.image.split == .validation }) / Double(mine.count)
      #expect(abs(share - 0.1) < 0.02)
    }
    #expect(split.joined.isEmpty)
  }

  @Test("The same bytes and the same picture join their sources, and too few sources are an error")
  func joined() throws {
    let print = ImageFingerprint(across: 0xF0F0, down: 0x1234_5678)
    let entries = [
      entry(.real, source: "a", number: 0, print: print), entry(.fake, source: "b", number: 1, print: print),
      entry(.real, source: "c", number: 2, print: nil, sha256: 9),
      entry(.fake, source: "d", number: 3, print: nil, sha256: 9),
      entry(.fake, source: "d", number: 4, print: nil),
    ]
    #expect(DuplicateGroups(entries).groups == [[0, 1], [2, 3]])
    let split = try SourceSplit(DatasetIndex(entries), shares: [.train: 1, .validation: 1], seed: 0)
    #expect(split.joined == [["fake/b", "real/a"], ["fake/d", "real/c"]])
    #expect(split.index.entries[0].image.split == split.index.entries[1].image.split)
    #expect(split.index.entries[0].image.split != split.index.entries[3].image.split)
    #expect {
      try SourceSplit(DatasetIndex(entries), shares: [.train: 1, .validation: 1, .test: 1], seed: 0)
    } throws: {
      "\($0)".contains("too few sources")
    }
  }

  @Test("Few sources still give each side both classes", arguments: 3...8)
  func fewSources(_ count: Int) throws {
    for seed in UInt64(0)..<20 {
      var random = SeededGenerator(seed: seed)
      let entries = Label.allCases.flatMap { label in
        (0..<count).flatMap { source in
          (0..<Int.random(in: 1...9, using: &random)).map { number in
            entry(label, source: "\(source)", number: 100 * source + number, print: nil)
          }
        }
      }
      // Without their directories of a label they are no pairs.
      let alone = entries.map { entry in
        var entry = entry
        entry.image.path = FilePath("/data/\(entry.image.label)-\(entry.facts.sha256).png")
        return entry
      }
      let shares: [Split: Double] = [.train: 0.8, .validation: 0.1, .test: 0.1]
      let split = try SourceSplit(DatasetIndex(alone), shares: shares, seed: seed)
      for part in Split.allCases {
        let labels = Set(split.index.entries.filter { $0.image.split == part }.map(\.image.label))
        #expect(labels.count == 2, "seed \(seed)")
      }
    }
    let one = [entry(.real, source: "a", number: 0, print: nil), entry(.real, source: "b", number: 1, print: nil)]
    #expect {
      try SourceSplit(DatasetIndex(one), shares: [.train: 1, .validation: 1], seed: 0)
    } throws: {
      "\($0)".contains("not both real and fake")
    }
  }

  /// Without fingerprints, and with other bytes: only the names say that they belong together.
  @Test("Aligned pairs lie on one side, whatever they look like")
  func aligned() throws {
    func item(_ name: String, _ number: UInt8) -> DatasetIndex.Entry {
      var item = entry(.real, source: nil, number: 0, print: nil, sha256: number)
      let label: Label = name.contains("1_fake") ? .fake : .real
      let path = FilePath("/real/data").pushing(FilePath(name))
      item.image = LabelledImage(path: path, name: FilePath(name), label: label)
      return item
    }
    var entries: [DatasetIndex.Entry] = []
    for number in 0..<UInt8(40) {
      entries.append(item("0_real/a/\(number).png", 2 * number))
      entries.append(item("1_fake/a/\(number).\(number % 2 == 0 ? "png" : "jpg")", 2 * number + 1))
    }
    // Numbers alone say nothing: this is another directory.
    entries.append(item("1_fake/b/0.png", 200))
    let split = try SourceSplit(DatasetIndex(entries), shares: [.train: 1, .validation: 1], seed: 4)
    let sides = split.index.entries.map(\.image.split)
    #expect((0..<40).allSatisfy { sides[2 * $0] == sides[2 * $0 + 1] })
    #expect(Set(sides).count == 2)
    let others = (UInt64(0)..<10).map { seed in
      try? SourceSplit(DatasetIndex(entries), shares: [.train: 1, .validation: 1], seed: seed).index.entries
    }
    #expect(others.contains { $0?[0].image.split != $0?[80].image.split })
  }

  @Test("An index is a data set, and comes back as it was written")
  func roundTrip() throws {
    let directory = TemporaryDirectory()
    var entries = [
      entry(.real, source: "camera, one", number: 0, print: ImageFingerprint(across: 7, down: .max)),
      entry(.fake, source: nil, number: 1, print: nil),
    ]
    entries[0].facts.format = .jpeg
    entries[0].facts.quality = 87
    entries[1].image.split = .validation
    entries[1].image.path = directory.path("b\"ild.png")
    let file = directory.path("index.csv")
    try Data(DatasetIndex(entries).csv(below: directory.path)).write(to: URL(filePath: file.string))
    let read = try DatasetIndex(reading: file)
    #expect(read.entries.map(\.facts) == entries.map(\.facts))
    #expect(read.entries.map(\.image.path) == entries.map(\.image.path))
    #expect(read.entries.map(\.image.label) == [.real, .fake])
    #expect(read.entries.map(\.image.split) == [nil, .validation])
    #expect(read.entries[0].image.source == "camera, one")
    #expect(try Dataset(reading: file).images.count == 2)
  }

  @Test("A list beside the images, or elsewhere, names files that are there")
  func places() throws {
    let directory = TemporaryDirectory()
    let image = directory.write("x", to: "image.png")
    let there = LabelledImage(path: image, name: "image.png", label: .real)
    let facts = ImageFacts(
      format: .png, size: ImageSize(width: 1, height: 1), bytes: 1, sha256: SHA256Digest(hashing: []))
    var elsewhere = directory.path
    elsewhere.append("..")
    for folder in [directory.path, elsewhere, FilePath("/var"), FilePath("")] {
      let text = String(decoding: DatasetIndex([.init(there, facts)]).csv(below: folder), as: UTF8.self)
      let name = try #require(text.split(separator: "\n").last?.split(separator: ",").first)
      let read = (folder.isEmpty ? FilePath(FileManager.default.currentDirectoryPath) : folder).pushing(
        FilePath(String(name))
      ).lexicallyNormalized()
      #expect(read == image, "\(folder)")
    }
  }
}
