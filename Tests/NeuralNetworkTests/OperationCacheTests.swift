import Testing

@testable import NeuralNetwork

@Suite struct OperationCacheTests {
  private static func shape(_ rows: Int, width: Int = 8) -> BandShape {
    BandShape(
      operation: .maxPooling(Window(kernel: 3, padding: Padding(1)), channels: 8), sourceType: .fp32,
      destinationType: .fp32, width: width, rows: rows, threads: 1)
  }

  private static func shapes(_ rows: ClosedRange<Int>) -> Set<BandShape> { Set(rows.map { shape($0) }) }

  @Test func whatWasUsedLongestAgoGoes() throws {
    let engine = try Engine()
    let single = Self.shape(1).compiledSize
    var cache = OperationCache(capacity: 4 * single)
    var compiled: [Int] = []
    func use(_ rows: ClosedRange<Int>) throws {
      let operations = try cache.operations(for: Self.shapes(rows)) { (shape) throws(NetworkError) in
        compiled.append(shape.rows)
        return try shape.operation(rescaling: nil, on: engine)
      }
      #expect(Set(operations.keys) == Self.shapes(rows))
    }
    try use(1...2)
    try use(3...4)
    try use(1...2)
    #expect(compiled.sorted() == [1, 2, 3, 4])
    try use(5...6)
    #expect(Set(cache.shapes) == Self.shapes(1...2).union(Self.shapes(5...6)))
    #expect(cache.size == 4 * single)
    try use(3...4)
    #expect(compiled.count == 8)
    // More than there is room for: all of it stays until something else is used, and nothing beside it.
    try use(11...16)
    #expect(Set(cache.shapes) == Self.shapes(11...16))
    try use(17...17)
    #expect(cache.size == 4 * single && cache.shapes.contains(Self.shape(17)))
  }

  @Test func aFailureLeavesNoMoreThanThereIsRoomFor() throws {
    let engine = try Engine()
    let single = Self.shape(1).compiledSize
    var cache = OperationCache(capacity: 2 * single)
    var compiled = 0
    #expect(throws: NetworkError.self) {
      _ = try cache.operations(for: Self.shapes(1...9)) { (shape) throws(NetworkError) in
        guard compiled < 5 else { throw NetworkError(.library, "no memory") }
        compiled += 1
        return try shape.operation(rescaling: nil, on: engine)
      }
    }
    #expect(compiled == 5 && cache.size == 2 * single)
  }

  /// The paper's network in small, and images of one class of widths: the second compiles nothing that is new.
  @Test func widthsOfOneClassShareAll() throws {
    let graph = RandomResNet.bottlenecks(widths: [8, 16], depths: [2, 2], strides: [1, 2])
    let flow = RowFlow(EncodedGraph(graph, .fp32))
    func shapes(_ width: Int, _ height: Int) throws -> Set<BandShape> {
      try StreamingPlan(graph, flow, height: height, width: width, bands: .standard, threads: 1) { _, _ in 0 }.shapes
    }
    #expect(try shapes(993, 700) == shapes(1_024, 700))
    #expect(try shapes(993, 700) != shapes(1_025, 700))
    // Pixels in memory are pixels, whatever their rows.
    let half = try shapes(512, 2_000)
    let full = try shapes(1_024, 1_000)
    #expect(half.isDisjoint(with: full) == false)
  }
}
