import Testing

@testable import NeuralNetwork

@Suite struct ArenaLayoutTests {
  /// Whoever lives at the same time must not overlap, and the block is no smaller than the fullest step.
  @Test func tensorsThatLiveTogetherAreApart() {
    for seed in UInt64(1)...300 {
      var random = SplitMix(seed: seed)
      let tensors = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        let start = Int.random(in: 0...30, using: &random)
        return ArenaLayout.Tensor(
          size: Int.random(in: 0...10_000, using: &random),
          lifetime: start...start + Int.random(in: 0...8, using: &random))
      }
      let layout = ArenaLayout(tensors)
      for left in tensors.indices {
        #expect(layout.offsets[left].isMultiple(of: ArenaLayout.alignment), "seed \(seed)")
        #expect(layout.offsets[left] + tensors[left].size <= layout.size, "seed \(seed)")
        for right in tensors.indices where right < left && tensors[left].lifetime.overlaps(tensors[right].lifetime) {
          let apart =
            layout.offsets[left] + tensors[left].size <= layout.offsets[right]
            || layout.offsets[right] + tensors[right].size <= layout.offsets[left]
          #expect(apart, "seed \(seed): tensors \(left) and \(right)")
        }
      }
      #expect(layout.size <= tensors.reduce(0) { $0 + $1.size + ArenaLayout.alignment }, "seed \(seed)")
    }
  }

  @Test func aChainNeedsTwoNeighboursOnly() {
    let tensors = (0..<10).map { ArenaLayout.Tensor(size: 640, lifetime: $0...$0 + 1) }
    #expect(ArenaLayout(tensors).size == 2 * 640)
  }
}
