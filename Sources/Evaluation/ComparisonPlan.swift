import Datasets

/// Which fake images are held against which real ones: each generator's against its group's, or against all of the data set
/// if it has one pool of them.
struct ComparisonPlan {
  struct Comparison {
    /// The generator's.
    var name: String
    /// Places in the table.
    var fakes: [Int]
    /// In ``ComparisonPlan/pools``.
    var pools: [Int]
  }

  private(set) var comparisons: [Comparison] = []
  /// Real images, those of each group apart: none is in two of them.
  private(set) var pools: [[Int]] = []

  /// - Parameter kept: places of the images that count.
  init(_ images: [LabelledImage], kept: [Int]) {
    let reals = kept.filter { images[$0].label == .real }
    let realsByGroup = Dictionary(grouping: reals) { images[$0].group }
    let groups = realsByGroup.keys.sorted { ($0 ?? "") < ($1 ?? "") }
    pools = groups.compactMap { realsByGroup[$0] }
    let fakes = kept.filter { images[$0].label == .fake }
    let byOrigin = Dictionary(grouping: fakes) { Origin(group: images[$0].group, source: images[$0].source) }
    comparisons = byOrigin.keys.sorted().map { origin in
      // A group without real images of its own: those that belong to no group, else all.
      let own = groups.firstIndex(of: origin.group) ?? groups.firstIndex(of: nil)
      return Comparison(
        name: origin.name, fakes: byOrigin[origin] ?? [], pools: own.map { [$0] } ?? Array(pools.indices))
    }
  }

  private struct Origin: Hashable, Comparable {
    var group: String?
    var source: String?

    var name: String {
      let parts = [group, source].compactMap { $0 }
      return parts.isEmpty ? "fake" : parts.joined(separator: "/")
    }

    static func < (one: Origin, other: Origin) -> Bool { one.name < other.name }
  }
}
