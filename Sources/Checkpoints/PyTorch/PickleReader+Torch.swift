// The few classes and functions whose meaning is known. None of them is called: what they would make is made here.

extension PickleReader {
  private static let collections: Set<PickleGlobal> = [
    PickleGlobal("collections", "OrderedDict"), PickleGlobal("collections", "Counter"),
    PickleGlobal("collections", "defaultdict"),
  ]
  /// Only ever what a `defaultdict` would make for a missing key.
  private static let builtins: Set<PickleGlobal> = Set(
    ["builtins", "__builtin__"].flatMap { module in
      ["dict", "list", "int", "float", "set"].map { PickleGlobal(module, $0) }
    })
  private static let tensorFunctions: Set<String> = [
    "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state",
  ]
  /// TorchScript's lists with a type, and values with their type beside them.
  private static let scriptFunctions: Set<String> = [
    "build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag",
  ]

  /// Refuses every name whose meaning is not known.
  func lookUp(_ global: PickleGlobal) throws(CheckpointError) -> PickleGlobal {
    let isKnown =
      switch global.module {
      case "torch": TorchStorage.types[global.name] != nil || global.name == "Size" || global.name == "device"
      case "torch._utils": Self.tensorFunctions.contains(global.name)
      case "torch.jit._pickle": Self.scriptFunctions.contains(global.name)
      default: Self.collections.contains(global) || Self.builtins.contains(global) || global.isScripted
      }
    guard isKnown else {
      throw CheckpointError(
        .refused,
        "pickle: \(quoted(global.fullName)) is refused: only tensors and plain values are read, and nothing is executed; "
          + "if you trust the file, save its state_dict alone with PyTorch")
    }
    return global
  }

  /// REDUCE.
  mutating func call(_ function: PickleValue, with arguments: PickleValue) throws(CheckpointError) -> PickleValue {
    guard case .global(let global) = function, case .tuple = arguments, let arguments = heap.elements(arguments) else {
      throw malformed("calls something that is no function")
    }
    switch (global.module, global.name) {
    case ("collections", "defaultdict"): return .dictionary(heap.add([]))
    case ("collections", _): return try dictionary(arguments)
    case ("torch", "Size") where arguments.count == 1: return arguments[0]
    case ("torch", "device"): return arguments.first ?? .none
    case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): return try tensor(arguments)
    case ("torch._utils", _):
      guard let tensor = arguments.first, case .tensor = tensor else { throw malformed("a parameter without a tensor") }
      return tensor
    case ("torch.jit._pickle", _), ("builtins", "set"), ("__builtin__", "set"):
      guard let value = arguments.first else { throw malformed("a list without its elements") }
      return value
    default: throw malformed("calls \(quoted(global.fullName))")
    }
  }

  /// NEWOBJ: an object of a TorchScript module's class, whose attributes BUILD brings.
  mutating func object(of type: PickleValue, with arguments: PickleValue) throws(CheckpointError) -> PickleValue {
    guard case .global(let global) = type, global.isScripted else {
      throw CheckpointError(.refused, "pickle: objects of other classes than TorchScript's modules are refused")
    }
    let index = heap.add([])
    scriptObjects.insert(index)
    return .dictionary(index)
  }

  /// BUILD: attributes of an object. Those of a dictionary (`_metadata`: versions of the modules) mean nothing to us.
  mutating func build(_ object: PickleValue, from state: PickleValue) throws(CheckpointError) -> PickleValue {
    switch (object, state) {
    case (.dictionary(let target), .dictionary(let source)):
      if scriptObjects.contains(target) {
        try count(heap.collections[source].count)
        heap.append(heap.collections[source], to: target)
      }
      return object
    case (.tensor, _): return object
    default: throw CheckpointError(.refused, "pickle: the instruction BUILD is refused for all but dictionaries")
    }
  }

  /// An `OrderedDict` is empty, or has a list of pairs.
  private mutating func dictionary(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
    var items: [PickleValue] = []
    if let first = arguments.first {
      if case .dictionary(let other) = first {
        try count(heap.collections[other].count)
        return .dictionary(heap.add(heap.collections[other]))
      }
      guard let pairs = heap.elements(first) else { throw malformed("a dictionary of something that is no list") }
      try count(2 * pairs.count)
      for pair in pairs {
        guard let pair = heap.elements(pair), pair.count == 2 else {
          throw malformed("a dictionary of something else than pairs")
        }
        items += pair
      }
    }
    return .dictionary(heap.add(items))
  }

  /// `(storage, offset, size, stride, …)`
  private mutating func tensor(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
      let shape = heap.integers(arguments[2]), let strides = heap.integers(arguments[3])
    else { throw malformed("a tensor without storage, offset, size and stride") }
    let length = heap.storages[storage].count
    guard
      let tensor = TorchTensor(storage: storage, of: length, offset: offset, shape: shape, strides: strides)
    else {
      throw malformed(
        "a tensor of shape \(shape), strides \(strides) and offset \(offset) does not lie in its storage of \(length) "
          + "elements")
    }
    return heap.add(tensor)
  }

  /// BINPERSID: `('storage', type, key, location, elements)`, in older files with a view `(key, offset, elements)` at the
  /// end, or nothing in its place.
  mutating func persistent(_ id: PickleValue) throws(CheckpointError) -> PickleValue {
    guard let id = heap.elements(id), case .string(let kind) = id.first else {
      throw malformed("a persistent id that is no tuple")
    }
    guard kind == "storage" else {
      throw CheckpointError(
        .refused,
        "pickle: persistent values of kind \(quoted(kind)) are refused (whole modules are saved with their code: "
          + "save the state_dict alone)")
    }
    guard id.count >= 5, case .global(let type) = id[1], case .string(let key) = id[2],
      case .integer(let count) = id[4],
      count >= 0
    else { throw malformed("a storage without type, key and size") }
    guard type.module == "torch", let element = TorchStorage.types[type.name] else {
      throw CheckpointError(.unsupportedType, "storages of the type \(quoted(type.fullName)) cannot be read")
    }
    guard count <= Int.max / 16 else { throw malformed("a storage of \(count) elements") }
    if id.count > 5, id[5] != .none {
      throw CheckpointError(
        .unsupportedFormat, "pickle: storages that are views of others (PyTorch before 0.4) cannot be read")
    }
    return heap.add(TorchStorage(key: key, type: element, count: count))
  }
}
