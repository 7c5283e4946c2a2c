/// Compiled operations, whatever the image that they were compiled for. When they take too much memory, those go that
/// were used longest ago.
struct OperationCache {
  private struct Entry {
    var operation: any BandOperation
    var lastUse: Int
  }

  /// Bytes of ``BandShape/compiledSize``.
  private let capacity: Int
  private var entries: [BandShape: Entry] = [:]
  private var uses = 0
  /// Bytes of ``BandShape/compiledSize``.
  private(set) var size = 0

  init(capacity: Int) {
    self.capacity = capacity
  }

  var shapes: some Collection<BandShape> { entries.keys }

  /// The operations for these shapes, which stay even if they alone are more than the capacity.
  mutating func operations(
    for shapes: Set<BandShape>, compile: (BandShape) throws(NetworkError) -> any BandOperation
  ) throws(NetworkError) -> [BandShape: any BandOperation] {
    uses += 1
    var isComplete = false
    defer {
      // What was compiled before a failure is nobody's: it may go like the rest.
      if !isComplete { uses += 1 }
      if size > capacity { shrink() }
    }
    var operations: [BandShape: any BandOperation] = [:]
    for shape in shapes {
      let operation = if let entry = entries[shape] { entry.operation } else { try compile(shape) }
      if entries.updateValue(Entry(operation: operation, lastUse: uses), forKey: shape) == nil {
        size += shape.compiledSize
      }
      operations[shape] = operation
    }
    isComplete = true
    return operations
  }

  private mutating func shrink() {
    let before = size
    // Else the library would keep what goes.
    defer { if size < before { Engine.forgetPrimitives() } }
    for (shape, entry) in entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
      guard size > capacity, entry.lastUse < uses else { return }
      entries[shape] = nil
      size -= shape.compiledSize
    }
  }
}
