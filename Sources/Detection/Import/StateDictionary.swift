import Checkpoints

/// The tensors of one network in a checkpoint, by the names that the network gives them.
///
/// Trainers wrap them as they like (`model`, `state_dict`, `net`, `module.`, `backbone.`, and several of these), beside an
/// optimizer's or an average's. What is common to all of that is that the names end as the network's do: the prefix in
/// front of the most of them is the network's place.
struct StateDictionary {
  /// With a dot at its end, if it is not empty.
  let prefix: String
  let tensors: [String: Checkpoint.Tensor]

  init(_ checkpoint: Checkpoint, prefix: String) {
    self.prefix = prefix.isEmpty || prefix.hasSuffix(".") ? prefix : prefix + "."
    var tensors: [String: Checkpoint.Tensor] = [:]
    for tensor in checkpoint.tensors where tensor.name.hasPrefix(self.prefix) {
      tensors[String(tensor.name.dropFirst(self.prefix.count))] = tensor
    }
    self.tensors = tensors
  }

  /// How many of these names stand behind each prefix, most first.
  static func prefixes(of names: Set<String>, in checkpoint: Checkpoint) -> [(prefix: String, count: Int)] {
    var counts: [String: Int] = [:]
    for tensor in checkpoint.tensors {
      var rest = tensor.name[...]
      while true {
        if names.contains(String(rest)) { counts[String(tensor.name[..<rest.startIndex]), default: 0] += 1 }
        guard let dot = rest.firstIndex(of: ".") else { break }
        rest = rest[rest.index(after: dot)...]
      }
    }
    return counts.map { ($0.key, $0.value) }.sorted { ($1.count, $0.prefix) < ($0.count, $1.prefix) }
  }
}

extension Architecture {
  /// Those of the tensors that are not the head's.
  var backboneTensors: [RequiredTensor] {
    requiredTensors.filter { $0.name != Head.weightName && $0.name != Head.biasName }
  }
}

extension NamedArchitecture {
  /// Those whose tensors, but for the head's, are all in the checkpoint with the right shapes, and nothing beside them that
  /// they would leave out. Several can share their tensors: strides and paddings are in no file.
  package static func matching(_ checkpoint: Checkpoint) -> [NamedArchitecture] {
    allCases.filter { name in
      let required = name.architecture.backboneTensors
      let names = Set(required.map(\.name))
      guard let best = StateDictionary.prefixes(of: names, in: checkpoint).first, best.count == names.count else {
        return false
      }
      let found = StateDictionary(checkpoint, prefix: best.prefix)
      return required.allSatisfy { found.tensors[$0.name]?.shape == $0.shape } && found.surplus(to: required).isEmpty
    }
  }
}

extension StateDictionary {
  /// Tensors that belong to modules of the network and have no place in it: another network, then. Counters of training
  /// and modules that the network does not have are none of them.
  func surplus(to required: [RequiredTensor]) -> [String] {
    let known = Set(required.map(\.name))
    let modules = Set(known.map(Self.module))
    return tensors.keys.filter {
      !known.contains($0) && !$0.hasSuffix(".num_batches_tracked") && modules.contains(Self.module($0))
    }.sorted()
  }

  private static func module(_ name: String) -> Substring {
    name.prefix { $0 != "." && !$0.isNumber }
  }
}
