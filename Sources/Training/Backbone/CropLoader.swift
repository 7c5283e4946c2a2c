import Datasets
import Glibc
import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage
import Threading

/// Decodes images and makes normalized crops of them, on several threads. What comes out depends on the seed, the epoch and
/// the image alone, not on the threads.
struct CropLoader {
  let recipe: AugmentationRecipe
  let normalization: PixelNormalization
  let threads: Int
  let limits = ImageLimits()

  /// Augmented crops of some units, (N, side, side, 3), and their labels; images that cannot be read are left out.
  func augmented(
    _ units: ArraySlice<TrainingUnit>, seed: UInt64, epoch: Int
  ) -> (crops: [Float], labels: [Float], failures: [FilePath]) {
    let list = Array(zip(units.indices, units))
    return gather(list.count) { position in
      let (index, unit) = list[position]
      let random = Self.random(seed: seed, epoch: epoch, unit: index)
      return unit.images.map { image in
        // Every image of the unit begins with the same numbers.
        var own = random
        return (image, Self.decode(image.path, limits).flatMap { try? recipe.apply(to: $0, &own) })
      }
    }
  }

  /// Crops out of the middle.
  func middles(_ images: ArraySlice<LabelledImage>) -> (crops: [Float], labels: [Float], failures: [FilePath]) {
    let list = Array(images)
    return gather(list.count) { position in
      [(list[position], Self.decode(list[position].path, limits).map { recipe.middle(of: $0) })]
    }
  }

  private func gather(
    _ count: Int, _ make: @escaping @Sendable (Int) -> [(LabelledImage, RGBImage?)]
  ) -> (crops: [Float], labels: [Float], failures: [FilePath]) {
    struct State: Sendable {
      var next = 0
      var results: [[(LabelledImage, RGBImage?)]]
    }
    let state = Monitor(State(results: Array(repeating: [], count: count)))
    let workers = (0..<max(1, min(threads, count))).map { index in
      DedicatedThread(name: "crops \(index)") {
        while true {
          let position = state.update { state in
            defer { state.next += 1 }
            return state.next
          }
          guard position < count else { return }
          let result = make(position)
          state.update { $0.results[position] = result }
        }
      }
    }
    for worker in workers { worker.join() }
    var (crops, labels, failures): ([Float], [Float], [FilePath]) = ([], [], [])
    for (image, crop) in state.read({ $0.results }).joined() {
      if let crop {
        crops += normalization.values(of: crop.pixels)
        labels.append(image.label == .fake ? 1 : 0)
      } else {
        failures.append(image.path)
      }
    }
    return (crops, labels, failures)
  }

  /// Numbers of their own for every unit in every epoch.
  private static func random(seed: UInt64, epoch: Int, unit: Int) -> SplitMix64 {
    var mixer = SplitMix64(seed: seed)
    mixer = SplitMix64(seed: mixer.next() &+ UInt64(epoch))
    mixer = SplitMix64(seed: mixer.next() &+ UInt64(unit))
    return SplitMix64(seed: mixer.next())
  }

  private static func decode(_ path: FilePath, _ limits: ImageLimits) -> RGBImage? {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return try? RGBImage.decode(descriptor: descriptor, limits: limits)
  }
}
