/// What a pickle holds. Collections, storages and tensors are indices into a ``PickleHeap``: values that contain each
/// other in a circle, or a million deep, are then as harmless as any.
enum PickleValue: Hashable, Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// A number beyond 64 bits, little-endian two's complement.
  case largeInteger([UInt8])
  case float(Double)
  case string(String)
  case bytes([UInt8])
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  /// A name that was looked up, nothing more.
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)
}

/// A class or function by its name.
struct PickleGlobal: Hashable, Sendable {
  var module: String
  var name: String

  init(_ module: String, _ name: String) {
    self.module = module
    self.name = name
  }

  /// A class of the model itself, in a TorchScript archive.
  var isScripted: Bool { module == "__torch__" || module.hasPrefix("__torch__.") }

  var fullName: String { "\(module).\(name)" }
}

/// The collections, storages and tensors of a pickle.
struct PickleHeap: Sendable {
  /// Of tuples, lists and, keys and values in turn, dictionaries.
  private(set) var collections: [[PickleValue]] = []
  private(set) var storages: [TorchStorage] = []
  private(set) var tensors: [TorchTensor] = []

  mutating func add(_ elements: [PickleValue]) -> Int {
    collections.append(elements)
    return collections.count - 1
  }

  mutating func append(_ elements: some Collection<PickleValue>, to index: Int) {
    collections[index].append(contentsOf: elements)
  }

  mutating func add(_ storage: TorchStorage) -> PickleValue {
    storages.append(storage)
    return .storage(storages.count - 1)
  }

  mutating func add(_ tensor: TorchTensor) -> PickleValue {
    tensors.append(tensor)
    return .tensor(tensors.count - 1)
  }

  /// The elements of a tuple or a list; nil: it is neither.
  func elements(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): collections[index]
    default: nil
    }
  }

  /// Whole numbers in a tuple or a list, as many as a tensor has dimensions; nil: it is something else.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let elements = elements(value), elements.count <= TorchTensor.mostDimensions else { return nil }
    var integers: [Int] = []
    for case .integer(let integer) in elements { integers.append(integer) }
    return integers.count == elements.count ? integers : nil
  }
}
