/// A family of backbones and its numbers, as the model file's `architecture` says in JSON. All families end in features
/// that are never negative.
package enum Architecture: Hashable, Sendable {
  case resnet(ResNet)
  case efficientNetLite(EfficientNetLite)
  case tinyLaDeDa(TinyLaDeDa)

  /// As in the file: `resnet`, `efficientnet-lite`, `tiny-ladeda`.
  package var family: String {
    switch self {
    case .resnet: Family.resnet.rawValue
    case .efficientNetLite: Family.efficientNetLite.rawValue
    case .tinyLaDeDa: Family.tinyLaDeDa.rawValue
    }
  }

  /// The shorter side of the smallest image, in pixels.
  package var minimumSize: Int {
    switch self {
    case .resnet: 1
    case .efficientNetLite(let network): network.minimumSize
    case .tinyLaDeDa: TinyLaDeDa.minimumSize
    }
  }

  /// What is wrong with the numbers; nil if a network can be built from them.
  var problem: String? {
    switch self {
    case .resnet(let network): network.problem
    case .efficientNetLite(let network): network.problem
    case .tinyLaDeDa(let network): network.problem
    }
  }

  var definition: NetworkDefinition {
    switch self {
    case .resnet(let network): network.definition
    case .efficientNetLite(let network): network.definition
    case .tinyLaDeDa(let network): network.definition
    }
  }
}

extension Architecture: Codable {
  private enum Family: String, Codable {
    case resnet
    case efficientNetLite = "efficientnet-lite"
    case tinyLaDeDa = "tiny-ladeda"
  }

  private enum CodingKeys: CodingKey {
    case family
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(Family.self, forKey: .family) {
    case .resnet: self = .resnet(try ResNet(from: decoder))
    case .efficientNetLite: self = .efficientNetLite(try EfficientNetLite(from: decoder))
    case .tinyLaDeDa: self = .tinyLaDeDa(try TinyLaDeDa(from: decoder))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .resnet(let network):
      try container.encode(Family.resnet, forKey: .family)
      try network.encode(to: encoder)
    case .efficientNetLite(let network):
      try container.encode(Family.efficientNetLite, forKey: .family)
      try network.encode(to: encoder)
    case .tinyLaDeDa(let network):
      try container.encode(Family.tinyLaDeDa, forKey: .family)
      try network.encode(to: encoder)
    }
  }
}

/// Bounds for numbers out of a file: far beyond every published network, far below what overflows.
enum ArchitectureLimits {
  static let kernel = 1...63
  static let stride = 1...16
  static let padding = 0...31
  static let width = 1...65_536
  static let blocks = 1...1_000
  static let stages = 1...64
}
