/// Published networks by their names, and how their images are prepared.
package enum NamedArchitecture: String, Sendable, CaseIterable {
  case resnet50NoDown = "resnet50-nodown"
  case resnet50
  case resnet18NoDown = "resnet18-nodown"
  case resnet18
  case resnet34
  case resnet101
  case efficientNetLite0 = "efficientnet-lite0"
  case npr
  case tinyLaDeDa = "tiny-ladeda"

  package var architecture: Architecture {
    switch self {
    case .resnet50NoDown: .resnet(.resnet50NoDown)
    case .resnet50: .resnet(.classic(.bottleneck, [3, 4, 6, 3]))
    case .resnet18NoDown:
      .resnet(
        ResNet(
          block: .basic, stem: ResNet.resnet50NoDown.stem, widths: [64, 128, 256, 512], depths: [2, 2, 2, 2],
          strides: [1, 2, 2, 2]))
    case .resnet18: .resnet(.classic(.basic, [2, 2, 2, 2]))
    case .resnet34: .resnet(.classic(.basic, [3, 4, 6, 3]))
    case .resnet101: .resnet(.classic(.bottleneck, [3, 4, 23, 3]))
    case .efficientNetLite0: .efficientNetLite(.lite0)
    case .npr:
      .resnet(
        ResNet(
          block: .bottleneck,
          stem: ResNet.Stem(
            kernel: 3, stride: 2, padding: 1, pool: ResNet.Pool(kernel: 3, stride: 2, padding: 1)),
          widths: [64, 128], depths: [3, 4], strides: [1, 2]))
    case .tinyLaDeDa: .tinyLaDeDa(TinyLaDeDa(width: 8))
    }
  }

  package var preprocessing: Preprocessing {
    let imageNet = Preprocessing.imageNet
    switch self {
    case .resnet50NoDown, .resnet50, .resnet18NoDown, .resnet18, .resnet34, .resnet101: return imageNet
    case .efficientNetLite0:
      return Preprocessing(
        mean: Array(repeating: 127.0 / 255, count: 3), std: Array(repeating: 128.0 / 255, count: 3))
    case .tinyLaDeDa: return Preprocessing(mean: imageNet.mean, std: imageNet.std, residual: .nearest)
    case .npr:
      // The network takes two thirds of the residual.
      return Preprocessing(mean: imageNet.mean, std: imageNet.std.map { $0 * 1.5 }, residual: .nearest)
    }
  }
}

extension ResNet {
  /// As for ImageNet: the stem quarters both sides.
  fileprivate static func classic(_ block: Block, _ depths: [Int]) -> ResNet {
    ResNet(
      block: block,
      stem: Stem(kernel: 7, stride: 2, padding: 3, pool: Pool(kernel: 3, stride: 2, padding: 1)),
      widths: [64, 128, 256, 512], depths: depths, strides: [1, 2, 2, 2])
  }
}

extension EfficientNetLite {
  fileprivate static let lite0 = EfficientNetLite(
    stem: Stem(kernel: 3, stride: 2, width: 32),
    blocks: [
      Stage(kernel: 3, stride: 1, expand: 1, width: 16, repeats: 1),
      Stage(kernel: 3, stride: 2, expand: 6, width: 24, repeats: 2),
      Stage(kernel: 5, stride: 2, expand: 6, width: 40, repeats: 2),
      Stage(kernel: 3, stride: 2, expand: 6, width: 80, repeats: 3),
      Stage(kernel: 5, stride: 1, expand: 6, width: 112, repeats: 3),
      Stage(kernel: 5, stride: 2, expand: 6, width: 192, repeats: 4),
      Stage(kernel: 3, stride: 1, expand: 6, width: 320, repeats: 1),
    ], head: 1280, minimumSize: 32)
}

extension Architecture {
  /// Of the published networks of its family.
  package var usualPreprocessing: Preprocessing {
    switch self {
    case .resnet: NamedArchitecture.resnet50NoDown.preprocessing
    case .efficientNetLite: NamedArchitecture.efficientNetLite0.preprocessing
    case .tinyLaDeDa: NamedArchitecture.tinyLaDeDa.preprocessing
    }
  }
}
