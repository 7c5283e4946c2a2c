/// Who reads what in a graph, how its values are stored, and whose rows lie in the same memory.
struct RowFlow {
  /// A node that reads a value's rows through a window.
  struct Reader {
    var node: Int
    var window: Window
  }

  /// A value that a node reads rows of.
  struct Source {
    var value: Int
    var window: Window
  }

  /// Of each value.
  let encodings: [Encoding]
  /// The sources of each node; the residual, if there is one, comes second.
  let sources: [[Source]]
  /// The readers of each value.
  let readers: [[Reader]]
  /// For each node, the value whose rows it overwrites with its own: a residual that nobody needs later.
  let overwritten: [Int?]
  /// For each value, the one that its rows share memory with: itself, or the first of a chain of overwritten ones.
  let storage: [Int]
  /// The values in each storage; empty for a value that lies in another's.
  let tenants: [[Int]]
  /// Rows of zeros above and below the rows of each storage, as many as any reader's window looks beyond them.
  let margins: [Padding]
  /// Columns right of each value that its readers' windows take for zeros.
  let columnsBeyond: [Int]
  let output: Int

  init(_ encoded: EncodedGraph) {
    let (graph, encodings) = (encoded.graph, encoded.encodings)
    var sources: [[Source]] = []
    var readers: [[Reader]] = Array(repeating: [], count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      switch node {
      case .input: sources.append([])
      case .convolution(_, let convolution, let source, let residual):
        sources.append([Source(value: source.index, window: convolution.window)])
        if let residual { sources[index].append(Source(value: residual.index, window: Window(kernel: 1))) }
      case .maxPooling(let window, let source):
        sources.append([Source(value: source.index, window: window)])
      case .conversion(let source):
        sources.append([Source(value: source.index, window: Window(kernel: 1))])
      }
      for source in sources[index] {
        readers[source.value].append(Reader(node: index, window: source.window))
      }
    }
    var overwritten: [Int?] = []
    var storage: [Int] = []
    var tenants: [[Int]] = Array(repeating: [], count: sources.count)
    for (index, sources) in sources.enumerated() {
      let residual = sources.dropFirst().first?.value
      let isFree =
        residual.map {
          $0 != sources[0].value && readers[$0].last?.node == index
            && encodings[$0].type.size == encodings[index].type.size
        } ?? false
      overwritten.append(isFree ? residual : nil)
      storage.append(overwritten[index].map { storage[$0] } ?? index)
      tenants[storage[index]].append(index)
    }
    func largest(_ padding: KeyPath<Padding, Int>, of values: [Int]) -> Int {
      values.lazy.flatMap { readers[$0] }.map { $0.window.padding[keyPath: padding] }.max() ?? 0
    }
    margins = tenants.map { Padding(before: largest(\.before, of: $0), after: largest(\.after, of: $0)) }
    columnsBeyond = readers.indices.map { largest(\.after, of: [$0]) }
    self.encodings = encodings
    (self.sources, self.readers, self.overwritten) = (sources, readers, overwritten)
    (self.storage, self.tenants) = (storage, tenants)
    output = graph.output.index
  }
}
