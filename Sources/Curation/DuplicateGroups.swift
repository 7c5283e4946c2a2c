import Datasets
import StayposCore

/// Images that are versions of each other: the same bytes, or pictures that look the same.
package struct DuplicateGroups {
  /// Groups of two and more, as positions in the index.
  package let groups: [[Int]]

  package init(_ entries: [DatasetIndex.Entry]) {
    var sets = DisjointSets(count: entries.count)
    var firstOf: [SHA256Digest: Int] = [:]
    var prints: [(print: ImageFingerprint, index: Int)] = []
    for (index, entry) in entries.enumerated() {
      if let first = firstOf[entry.facts.sha256] {
        sets.join(first, index)
        continue
      }
      firstOf[entry.facts.sha256] = index
      if let print = entry.facts.fingerprint { prints.append((print, index)) }
    }
    // Every pair: a hundred thousand images are five thousand million comparisons of two words, some ten seconds.
    prints.withUnsafeBufferPointer { prints in
      for one in 0..<prints.count {
        let mine = prints[one].print
        for other in one + 1..<max(prints.count, one + 1)
        where mine.distance(to: prints[other].print) <= ImageFingerprint.nearDistance {
          sets.join(prints[one].index, prints[other].index)
        }
      }
    }
    groups = sets.groups().filter { $0.count > 1 }
  }
}

/// Union-find.
struct DisjointSets {
  private var parents: [Int]

  init(count: Int) {
    parents = Array(0..<count)
  }

  mutating func root(of element: Int) -> Int {
    var element = element
    while parents[element] != element {
      parents[element] = parents[parents[element]]
      element = parents[element]
    }
    return element
  }

  mutating func join(_ one: Int, _ other: Int) {
    let (one, other) = (root(of: one), root(of: other))
    parents[max(one, other)] = min(one, other)
  }

  /// Every element in one group; groups and members in order.
  mutating func groups() -> [[Int]] {
    var members: [Int: [Int]] = [:]
    for element in parents.indices { members[root(of: element), default: []].append(element) }
    return members.values.sorted { $0[0] < $1[0] }
  }
}
