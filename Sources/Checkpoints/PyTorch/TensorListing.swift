/// The tensors in a pickled object, by the way that leads to each: keys and list positions, joined with dots, as
/// `load_state_dict` joins the names of modules.
struct TensorListing {
  struct Entry: Hashable, Sendable {
    var name: String
    /// Index in ``PickleHeap/tensors``.
    var tensor: Int
  }

  /// In the pickle's order.
  private(set) var tensors: [Entry] = []
  /// Numbers and strings in the outermost dictionary: the epoch, for example.
  private(set) var attributes: [(name: String, value: String)] = []

  /// Dictionaries in dictionaries; also what a circle of them comes to.
  private static let deepest = 64
  /// Values on all ways: a list that holds another twice, which holds another twice, … has few values and many ways.
  private static let mostSteps = 1_000_000
  /// Bytes of one name, and of all names and attributes: a key counts each time that it is come by, and may be written down
  /// once.
  private static let longestName = 1_000
  private static let mostText = 64 << 20
  private var textSize = 0
  private var names: Set<String> = []
  private var steps = 0
  private let heap: PickleHeap

  init(_ root: PickleValue, _ heap: PickleHeap) throws(CheckpointError) {
    self.heap = heap
    try visit(root, named: [])
  }

  private mutating func visit(_ value: PickleValue, named path: [String]) throws(CheckpointError) {
    steps += 1
    guard steps <= Self.mostSteps, path.count <= Self.deepest else {
      throw CheckpointError(.refused, "pickle: collections contain each other too often or too deep")
    }
    let length = path.reduce(path.count) { $0 + $1.utf8.count }
    textSize += length
    guard length <= Self.longestName, textSize <= Self.mostText else {
      throw CheckpointError(.refused, "pickle: the names of its tensors are too long")
    }
    switch value {
    case .tensor(let index):
      let name = path.joined(separator: ".")
      guard names.insert(name).inserted else {
        throw CheckpointError(.malformed, "two tensors of this name", tensor: name)
      }
      tensors.append(Entry(name: name, tensor: index))
    case .tuple(let index), .list(let index):
      for (position, element) in heap.collections[index].enumerated() where element.mayHoldTensors {
        try visit(element, named: path + ["\(position)"])
      }
    case .dictionary(let index):
      let items = heap.collections[index]
      for position in stride(from: 0, to: items.count, by: 2) {
        guard let key = items[position].key else { continue }
        let value = items[position + 1]
        if value.mayHoldTensors {
          try visit(value, named: path + [key])
        } else if path.isEmpty, let text = value.text {
          textSize += key.utf8.count + text.utf8.count
          guard key.utf8.count <= Self.longestName, textSize <= Self.mostText else {
            throw CheckpointError(.refused, "pickle: what it says besides its tensors is too long")
          }
          attributes.append((key, text))
        }
      }
    case .none, .bool, .integer, .largeInteger, .float, .string, .bytes, .global, .storage: break
    }
  }
}

extension PickleValue {
  fileprivate var mayHoldTensors: Bool {
    switch self {
    case .tensor, .tuple, .list, .dictionary: true
    case .none, .bool, .integer, .largeInteger, .float, .string, .bytes, .global, .storage: false
    }
  }

  fileprivate var key: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    default: nil
    }
  }

  fileprivate var text: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .bool(let value): "\(value)"
    default: nil
    }
  }
}
