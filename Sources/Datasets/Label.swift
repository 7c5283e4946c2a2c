/// What an image is, as far as its collector knows: 1 = fake, 0 = real.
package enum Label: Int, Sendable, Codable, CaseIterable {
  case real = 0
  case fake = 1

  /// A directory's name that says what is in it: `0_real`/`1_fake` (CNNDetection, UniversalFakeDetect), `nature`/`ai`
  /// (GenImage), `real`/`fake` or `generated`.
  package init?(directory name: String) {
    switch name {
    case "0_real", "real", "nature": self = .real
    case "1_fake", "fake", "generated", "ai": self = .fake
    default: return nil
    }
  }
}

/// The part of a data set that a directory `train`, `val` or `test` holds.
package enum Split: String, Sendable, Codable, CaseIterable {
  case train
  case validation = "val"
  case test

  init?(directory name: String) {
    switch name {
    case "train", "training": self = .train
    case "val", "valid", "validation": self = .validation
    case "test", "testing": self = .test
    default: return nil
    }
  }
}
