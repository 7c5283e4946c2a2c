import Datasets
import ImageDecoding
import StayposCore

/// How well properties that have nothing to do with the picture tell real images from fake ones: what a detector would
/// learn instead of generators' traces.
package struct ClassDifferences: Sendable {
  package struct Property: Sendable {
    package var name: String
    /// What the best rule on this property alone gets right, real and fake counting the same: 0.5 is chance.
    package var accuracy: Double
    /// The rule for "fake", for people.
    package var rule: String
    /// What chance alone stays below in 95 of 100 data sets of this size, if the classes do not differ.
    package var chance: Double
    package var isSuspicious: Bool { accuracy > max(chance, 0.55) }
  }

  /// The worst first.
  package let properties: [Property]

  /// - Returns: nil if there are not both classes.
  package init?(_ entries: [DatasetIndex.Entry]) {
    let (real, fake) = (entries.facts(.real), entries.facts(.fake))
    guard !real.isEmpty, !fake.isEmpty else { return nil }
    var properties: [Property] = [
      Self.categories("format", real, fake) { $0.format.rawValue },
      Self.categories("sides", real, fake) { facts in
        let (width, height) = (facts.size.width, facts.size.height)
        return width.isMultiple(of: 64) && height.isMultiple(of: 64)
          ? "multiples of 64" : width.isMultiple(of: 8) && height.isMultiple(of: 8) ? "multiples of 8" : "other"
      },
      Self.numbers("pixels", real, fake) { Double($0.size.width * $0.size.height) },
      Self.numbers("longer/shorter side", real, fake) {
        Double(max($0.size.width, $0.size.height)) / Double(min($0.size.width, $0.size.height))
      },
      Self.numbers("bytes per pixel", real, fake) { Double($0.bytes) / Double($0.size.width * $0.size.height) },
    ]
    let (realQualities, fakeQualities) = (real.filter { $0.quality != nil }, fake.filter { $0.quality != nil })
    if !realQualities.isEmpty, !fakeQualities.isEmpty {
      properties.append(Self.numbers("JPEG quality", realQualities, fakeQualities) { Double($0.quality ?? 0) })
    }
    self.properties = properties.sorted { ($0.accuracy - $0.chance, $1.name) > ($1.accuracy - $1.chance, $0.name) }
  }

  /// Half of the distributions' total variation, above one half.
  private static func categories(
    _ name: String, _ real: [ImageFacts], _ fake: [ImageFacts], _ value: (ImageFacts) -> String
  ) -> Property {
    func shares(_ facts: [ImageFacts]) -> [String: Double] {
      facts.reduce(into: [:]) { $0[value($1), default: 0] += 1 / Double(facts.count) }
    }
    let (reals, fakes) = (shares(real), shares(fake))
    let values = Set(reals.keys).union(fakes.keys).sorted()
    let distance = values.reduce(0) { $0 + abs((fakes[$1] ?? 0) - (reals[$1] ?? 0)) } / 2
    let typical = values.filter { (fakes[$0] ?? 0) > (reals[$0] ?? 0) }
    return Property(
      name: name, accuracy: 0.5 + distance / 2, rule: typical.isEmpty ? "none" : typical.joined(separator: " or "),
      chance: chance(real.count, fake.count))
  }

  /// Half of the Kolmogorov–Smirnov distance, above one half.
  private static func numbers(
    _ name: String, _ real: [ImageFacts], _ fake: [ImageFacts], _ value: (ImageFacts) -> Double
  ) -> Property {
    let values = real.map { (value($0), Label.real) } + fake.map { (value($0), Label.fake) }
    let sorted = values.sorted { $0.0 < $1.0 }
    var (below, best, rule) = ([Label.real: 0.0, .fake: 0.0], 0.0, "none")
    for (position, item) in sorted.enumerated() {
      below[item.1, default: 0] += 1 / Double(item.1 == .real ? real.count : fake.count)
      // Not between equal values.
      guard position + 1 == sorted.count || sorted[position + 1].0 != item.0 else { continue }
      let distance = (below[.fake] ?? 0) - (below[.real] ?? 0)
      guard abs(distance) > best + 1e-12 else { continue }
      best = abs(distance)
      rule = "\(distance > 0 ? "at most" : "above") \(short(item.0))"
    }
    return Property(name: name, accuracy: 0.5 + best / 2, rule: rule, chance: chance(real.count, fake.count))
  }

  /// The Kolmogorov–Smirnov test's limit at 5 %; for categories it is on the safe side where they are few.
  private static func chance(_ one: Int, _ other: Int) -> Double {
    let (one, other) = (Double(one), Double(other))
    return min(1, 0.5 + 1.358 * ((one + other) / (one * other)).squareRoot() / 2)
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\((value * 1000).rounded() / 1000)"
  }
}

extension [DatasetIndex.Entry] {
  package func facts(_ label: Label) -> [ImageFacts] {
    filter { $0.image.label == label }.map(\.facts)
  }
}
