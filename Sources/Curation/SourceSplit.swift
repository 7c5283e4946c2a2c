import Datasets
import Hashing
import StayposCore

/// Divides an index into training, validation and test by whole sources: what comes from one generator, camera or package
/// lies on one side, and so do versions of one picture and aligned pairs, even in different sources.
package struct SourceSplit {
  package let index: DatasetIndex
  /// Sources that came onto one side because a picture is in both: `real/a` and `fake/b`.
  package let joined: [[String]]

  /// - Parameters:
  ///   - shares: wished parts of each class; of positive sum. Whole sources are given, so the result only comes near.
  ///   - seed: decides between sources of equal size; the same seed gives the same split.
  package init(
    _ index: DatasetIndex, shares: [Split: Double], seed: UInt64
  ) throws(CurationError) {
    let total = shares.values.reduce(0, +)
    precondition(total > 0 && shares.values.allSatisfy { $0 >= 0 })
    let entries = index.entries
    var sets = DisjointSets(count: entries.count)
    var firstOf: [String: Int] = [:]
    let names = entries.map { Self.source(of: $0.image) }
    for (position, name) in names.enumerated() {
      guard let name else { continue }
      if let first = firstOf[name] { sets.join(first, position) } else { firstOf[name] = position }
    }
    for pair in AlignedPairs(entries.map(\.image)).pairs { sets.join(pair.real, pair.fake) }
    for group in DuplicateGroups(entries).groups { for other in group.dropFirst() { sets.join(group[0], other) } }

    let clusters = sets.groups()
    joined = clusters.map { Set($0.compactMap { names[$0] }).sorted() }.filter { $0.count > 1 }
    let groups = Self.ordered(clusters, entries, seed: seed).map { cluster in
      Group(members: cluster, counts: Self.counts(cluster.map { entries[$0] }))
    }
    let counts = Self.counts(entries)
    guard counts.count == Label.allCases.count else {
      throw CurationError("there are not both real and fake images: there is nothing to divide")
    }
    let wished = Split.allCases.filter { (shares[$0] ?? 0) > 0 }
    var sides = Self.sides(of: groups, counts, shares: shares.mapValues { $0 / total }, wished)
    Self.fillUp(&sides, wished, groups)
    var result = entries
    for (group, side) in zip(groups, sides) {
      for position in group.members { result[position].image.split = side }
    }
    self.index = DatasetIndex(result)
    for split in wished {
      let labels = Set(result.filter { $0.image.split == split }.map(\.image.label))
      guard labels.count == Label.allCases.count else {
        throw CurationError(
          "there are too few sources to divide: \(split.rawValue) would have no \(labels.contains(.real) ? "fake" : "real") "
            + "images; \(clusters.count) groups of sources that share no picture were found")
      }
    }
  }

  /// What stays together.
  private struct Group {
    var members: [Int]
    var counts: [Label: Int]
  }

  /// Each where most of what it brings is still missing.
  private static func sides(
    of groups: [Group], _ counts: [Label: Int], shares: [Split: Double], _ wished: [Split]
  ) -> [Split] {
    var remaining = shares.mapValues { share in counts.mapValues { Double($0) * share } }
    return groups.compactMap { group in
      // In shares of the class: the rarer class counts as much.
      func need(_ split: Split) -> Double {
        group.counts.reduce(0) { sum, item in
          let count = Double(counts[item.key] ?? 1)
          return sum + Double(item.value) / count * (remaining[split]?[item.key] ?? 0) / count
        }
      }
      let side = wished.max { need($0) < need($1) }
      if let side {
        for (label, count) in group.counts { remaining[side]?[label, default: 0] -= Double(count) }
      }
      return side
    }
  }

  /// Where sources are few, shares alone leave a side without a class: it gets the smallest group that another can spare.
  private static func fillUp(_ sides: inout [Split], _ wished: [Split], _ groups: [Group]) {
    func count(_ label: Label, _ side: Split) -> Int {
      zip(groups, sides).count { $0.counts[label] != nil && $1 == side }
    }
    for side in wished {
      for label in Label.allCases where count(label, side) == 0 {
        let spare = groups.indices.filter { index in
          groups[index].counts[label] != nil && groups[index].counts.keys.allSatisfy { count($0, sides[index]) > 1 }
        }
        if let least = spare.min(by: { groups[$0].members.count < groups[$1].members.count }) { sides[least] = side }
      }
    }
  }

  private static func source(of image: LabelledImage) -> String? {
    guard let source = image.source ?? image.group else { return nil }
    return "\(image.label == .real ? "real" : "fake")/\(source)"
  }

  private static func counts(_ entries: [DatasetIndex.Entry]) -> [Label: Int] {
    entries.reduce(into: [:]) { $0[$1.image.label, default: 0] += 1 }
  }

  /// The largest first, so that small ones fill up what is missing; equal ones in an order that the seed decides.
  private static func ordered(_ clusters: [[Int]], _ entries: [DatasetIndex.Entry], seed: UInt64) -> [[Int]] {
    let keys = clusters.map { cluster in
      SHA256Digest(hashing: Array("\(seed) ".utf8) + entries[cluster[0]].image.name.bytes).bytes
    }
    return clusters.indices.sorted { one, other in
      clusters[one].count != clusters[other].count
        ? clusters[one].count > clusters[other].count : keys[one].lexicographicallyPrecedes(keys[other])
    }.map { clusters[$0] }
  }
}
