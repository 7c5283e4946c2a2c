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
    let counts = Self.counts(entries)
    var remaining = Dictionary(
      uniqueKeysWithValues: shares.map { split, share in (split, counts.mapValues { Double($0) * share / total }) })
    var result = entries
    for cluster in Self.ordered(clusters, entries, seed: seed) {
      let mine = Self.counts(cluster.map { entries[$0] })
      // Where most of what it brings is still missing, in shares of the class: the rarer class counts as much.
      func need(_ split: Split) -> Double {
        mine.reduce(0) { sum, item in
          sum + Double(item.value) / Double(counts[item.key] ?? 1) * (remaining[split]?[item.key] ?? 0)
            / Double(counts[item.key] ?? 1)
        }
      }
      let candidates = Split.allCases.filter { (shares[$0] ?? 0) > 0 }
      guard let split = candidates.max(by: { need($0) < need($1) }) else { continue }
      for (label, count) in mine { remaining[split]?[label, default: 0] -= Double(count) }
      for position in cluster { result[position].image.split = split }
    }
    self.index = DatasetIndex(result)
    for split in Split.allCases where (shares[split] ?? 0) > 0 {
      let labels = Set(result.filter { $0.image.split == split }.map(\.image.label))
      guard labels.count == Label.allCases.count else {
        throw CurationError(
          "there are too few sources to divide: \(split.rawValue) would have no \(labels.contains(.real) ? "fake" : "real") "
            + "images; \(clusters.count) groups of sources that share no picture were found")
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
