import Transforms

/// A transformation in several strengths, as the robustness figures of the papers have it.
package enum Sweep: String, Sendable, CaseIterable {
  /// Quality.
  case jpeg
  case webp
  /// Side of a square.
  case resize
  /// Factor on both sides.
  case downsize
  /// σ in pixels.
  case blur
  /// σ in levels.
  case noise
  /// Share of the highest frequency that is kept.
  case lowpass
  /// Per cent removed of either side.
  case crop

  /// From the least change to the greatest.
  package var values: [Double] {
    switch self {
    case .jpeg, .webp: [100, 90, 80, 70, 60, 50, 40, 30]
    case .resize: [1024, 896, 768, 640, 512, 384, 256, 128]
    case .downsize: [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25]
    case .blur: [0, 0.5, 1, 1.5, 2, 3, 4]
    case .noise: [0, 2, 4, 8, 12, 16]
    case .lowpass: [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    case .crop: [0, 5, 10, 15, 20]
    }
  }

  /// Nil for a value that makes no sense.
  package func transform(_ value: Double) -> ImageTransform? {
    let whole = value == value.rounded()
    switch self {
    case .jpeg where whole && (1...100).contains(value): return .jpeg(quality: Int(value))
    case .webp where (0...100).contains(value): return .webp(quality: value)
    case .resize where whole && (1...20_000).contains(value): return .resize(side: Int(value))
    case .downsize where value > 0 && value <= 4: return .downsize(factor: value)
    case .blur where (0...100).contains(value): return .blur(sigma: value)
    case .noise where (0...255).contains(value): return .noise(deviation: value)
    case .lowpass where (0...2).contains(value): return .lowPass(cutoff: value)
    case .crop where value >= 0 && value < 100: return .crop(removed: value / 100, resizing: true)
    default: return nil
    }
  }

  /// Of the axis.
  package var label: String {
    switch self {
    case .jpeg: "JPEG quality"
    case .webp: "WEBP quality"
    case .resize: "side of the square in pixels"
    case .downsize: "factor on both sides"
    case .blur: "σ of the blur in pixels"
    case .noise: "σ of the noise in levels"
    case .lowpass: "share of the highest frequency that is kept"
    case .crop: "removed of either side in per cent"
    }
  }

  /// What was done to the images, in a sentence.
  var title: String {
    switch self {
    case .jpeg: "JPEG compression"
    case .webp: "WEBP compression"
    case .resize: "resizing to a square"
    case .downsize: "downsizing"
    case .blur: "Gaussian blur"
    case .noise: "Gaussian noise"
    case .lowpass: "low-pass filtering"
    case .crop: "cropping"
    }
  }

  /// Strong changes lie at the right.
  var isReversed: Bool {
    switch self {
    case .jpeg, .webp, .resize, .downsize, .lowpass: true
    case .blur, .noise, .crop: false
    }
  }
}
