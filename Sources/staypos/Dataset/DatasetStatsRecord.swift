import Curation
import Datasets
import ImageDecoding
import StayposCore

/// What `staypos dataset stats` prints.
struct DatasetStatsRecord: Encodable {
  struct Class: Encodable {
    var label: String
    var images: Int
    var sources: Int
    /// Images of each.
    var formats: [String: Int]
    /// Quartiles; empty without JPEGs.
    var jpegQuality: [Double]
    var megapixels: [Double]
    var bytesPerPixel: [Double]
  }

  struct Property: Encodable {
    var name: String
    /// Of the best rule on this property alone, both classes counting the same.
    var accuracy: Double
    /// What chance stays below in 95 of 100 cases.
    var chance: Double
    var fakeIf: String
    var suspicious: Bool
  }

  var classes: [Class]
  var properties: [Property]
  /// Groups of versions of one picture, and the images in them.
  var duplicateGroups: Int
  var duplicates: Int

  init(_ entries: [DatasetIndex.Entry], _ differences: ClassDifferences) {
    classes = Label.allCases.map { label in
      let facts = entries.facts(label)
      return Class(
        label: label == .real ? "real" : "fake", images: facts.count,
        sources: entries.filter { $0.image.label == label }.sources.count,
        formats: facts.reduce(into: [:]) { $0[$1.format.rawValue, default: 0] += 1 },
        jpegQuality: quartiles(facts.compactMap { $0.quality.map(Double.init) }),
        megapixels: quartiles(facts.map { Double($0.size.width * $0.size.height) / 1e6 }),
        bytesPerPixel: quartiles(facts.map { Double($0.bytes) / Double($0.size.width * $0.size.height) }))
    }
    properties = differences.properties.map {
      Property(
        name: $0.name, accuracy: $0.accuracy, chance: $0.chance, fakeIf: $0.rule, suspicious: $0.isSuspicious)
    }
    let groups = DuplicateGroups(entries).groups
    duplicateGroups = groups.count
    duplicates = groups.reduce(0) { $0 + $1.count }
  }

  var lines: [String] {
    var lines = [
      "".padded(22) + classes.map { $0.label.leftPadded(24) }.joined(),
      row("images") { "\($0.images)" },
      row("sources") { "\($0.sources)" },
      row("formats") { $0.formats.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") },
      row("JPEG quality") { range($0.jpegQuality, digits: 0) },
      row("megapixels") { range($0.megapixels, digits: 2) },
      row("bytes per pixel") { range($0.bytesPerPixel, digits: 2) },
      "", "what a rule on one property alone gets right (50 % is chance)",
    ]
    for property in properties {
      let text = "\((property.accuracy * 100).fixed(1)) %".leftPadded(9)
      lines.append(
        property.name.padded(22) + (property.suspicious ? Console.paint(text, .yellow) : text)
          + (property.suspicious
            ? "   fake if \(property.fakeIf)" : "   within chance (\((property.chance * 100).fixed(1)) %)"))
    }
    if duplicateGroups > 0 {
      lines += [
        "", "\(duplicates) images are versions of \(duplicateGroups) pictures: keep each on one side of a split",
      ]
    }
    return lines
  }

  private func row(_ name: String, _ text: (Class) -> String) -> String {
    name.padded(22) + classes.map { text($0).leftPadded(24) }.joined()
  }

  private func range(_ quartiles: [Double], digits: Int) -> String {
    guard quartiles.count == 3 else { return "-" }
    return "\(quartiles[1].fixed(digits)) (\(quartiles[0].fixed(digits))…\(quartiles[2].fixed(digits)))"
  }
}

/// Lower quartile, median, upper quartile: values that are there. Empty for none.
private func quartiles(_ values: [Double]) -> [Double] {
  guard !values.isEmpty else { return [] }
  let sorted = values.sorted()
  return [0.25, 0.5, 0.75].map { sorted[Int((Double(sorted.count - 1) * $0).rounded())] }
}
