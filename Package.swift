// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// A library target; what it may import is the flow of data through the house (docs/architecture.md).
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies + [arguments], swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

let package = Package(
  name: "staypos",
  products: [
    .executable(name: "stayposd", targets: ["stayposd"]),
    .executable(name: "staypos-scorer", targets: ["staypos-scorer"]),
    .executable(name: "staypos-ctl", targets: ["staypos-ctl"]),
    .executable(name: "staypos", targets: ["staypos"]),
    // A kernel that misbehaves, for the end-to-end tests. No test target depends on it: it would be linked into their
    // process and stand between that and the C library as well.
    .library(name: "fault-shim", type: .dynamic, targets: ["fault-shim"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // System libraries and own C.
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .target(
      name: "CImageCodecs",
      linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("jpeg"), .linkedLibrary("z")]),
    // For the offline tool alone.
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .target(name: "CLinux"),
    // Without optimization, the tests' debug build would take minutes for one image.
    .target(name: "CConvolutions", cSettings: [.unsafeFlags(["-O2"])], linkerSettings: [.linkedLibrary("gomp")]),
    .target(name: "CLogisticRegression", cSettings: [.unsafeFlags(["-O2"])], linkerSettings: [.linkedLibrary("gomp")]),

    // Values.
    library("StayposCore", [system]),
    library("Threading", []),
    library("Hashing", ["StayposCore", "COpenSSL", system]),

    // The detector.
    library("ImageDecoding", ["StayposCore", "CImageCodecs"]),
    library("NeuralNetwork", ["COneDNN", "CConvolutions"]),
    library("Checkpoints", [system]),
    library("Detection", ["StayposCore", "ImageDecoding", "NeuralNetwork", "Checkpoints", "Hashing", system]),

    // For the offline tool alone.
    library("Datasets", ["StayposCore", "Filesystem", system]),
    library("Plotting", ["StayposCore"]),
    library("Transforms", ["StayposCore", "ImageDecoding", "CWebP"]),
    library("Evaluation", ["StayposCore", "Datasets", "Transforms", "Plotting", system]),
    library(
      "Training",
      [
        "StayposCore", "Threading", "Hashing", "ImageDecoding", "NeuralNetwork", "Checkpoints", "Detection", "Datasets",
        "Plotting", "Transforms", "CLogisticRegression", system,
      ]),
    library("Curation", ["StayposCore", "Datasets", "Hashing", "ImageDecoding", system]),
    library("Autoencoding", ["StayposCore", "Checkpoints", "ImageDecoding", "NeuralNetwork", system]),

    // The daemon's stages.
    library("Filesystem", ["StayposCore", "CLinux", system]),
    library("Watching", ["StayposCore", "Threading", "Filesystem", "CLinux", system]),
    library("Cataloguing", ["StayposCore", system, .product(name: "GRDB", package: "GRDB.swift")]),
    library("Scoring", ["StayposCore", "Filesystem", "CLinux", system]),
    library("Quarantining", ["StayposCore", "Filesystem", "Hashing", system]),
    library("Journaling", ["StayposCore", "Threading", "CSystemd", log, system]),
    library("ControlInterface", ["StayposCore", "Filesystem", system]),
    library("ControlServer", ["StayposCore", "Threading", "Filesystem", "ControlInterface", "CLinux", system]),
    library(
      "Daemon",
      [
        "StayposCore", "Threading", "Filesystem", "Watching", "Cataloguing", "Scoring", "Quarantining", "Journaling",
        "ControlInterface", "ControlServer", "Hashing", lifecycle, log, system, "TOMLKit",
      ]),

    // Executables.
    executable("stayposd", ["Daemon", "StayposCore"]),
    executable("staypos-scorer", ["Scoring", "Detection", "ImageDecoding", "StayposCore", "Filesystem", system]),
    executable("staypos-ctl", ["ControlInterface", "StayposCore", "Hashing", system]),
    executable(
      "staypos",
      [
        "Detection", "Checkpoints", "ImageDecoding", "Hashing", "Filesystem", "StayposCore", "Datasets", "Transforms",
        "Plotting", "Evaluation", "Threading", "Training", "Curation", "Autoencoding", "NeuralNetwork", system,
      ]),

    // Tests. The probes stand in for a scorer, good or bad, and for whoever logs.
    .target(
      name: "TestSupport", dependencies: [system], path: "Tests/Support/TestSupport", swiftSettings: swiftSettings),
    .executableTarget(
      name: "scorer-probe", dependencies: ["Scoring", "StayposCore", "Filesystem", "CLinux"],
      path: "Tests/Support/scorer-probe", swiftSettings: swiftSettings),
    .executableTarget(
      name: "journal-probe", dependencies: ["Journaling", "StayposCore", log, system],
      path: "Tests/Support/journal-probe", swiftSettings: swiftSettings),
    .target(name: "fault-shim", path: "Tests/Support/fault-shim"),
    tests("StayposCoreTests", ["StayposCore", "TestSupport", system]),
    tests("ImageDecodingTests", ["ImageDecoding", "StayposCore", "TestSupport"]),
    tests("NeuralNetworkTests", ["NeuralNetwork", "TestSupport"]),
    tests("CheckpointsTests", ["Checkpoints", "TestSupport", system]),
    tests(
      "DetectionTests",
      ["Detection", "Checkpoints", "Hashing", "ImageDecoding", "NeuralNetwork", "StayposCore", "TestSupport", system]),
    tests(
      "TrainingTests",
      [
        "Training", "Datasets", "Detection", "Checkpoints", "Hashing", "ImageDecoding", "NeuralNetwork", "StayposCore",
        "Transforms", "TestSupport", "staypos", system,
      ]),
    tests("FilesystemTests", ["Filesystem", "StayposCore", "TestSupport", system]),
    tests("DatasetsTests", ["Datasets", "StayposCore", "TestSupport", system]),
    tests("PlottingTests", ["Plotting", "TestSupport"]),
    tests("TransformsTests", ["Transforms", "ImageDecoding", "StayposCore", "TestSupport", system]),
    tests("WatchingTests", ["Watching", "CLinux", "Filesystem", "StayposCore", "Threading", "TestSupport", system]),
    tests("CataloguingTests", ["Cataloguing", "StayposCore", "TestSupport", system]),
    tests("ThreadingTests", ["Threading"]),
    tests(
      "ScoringTests",
      [
        "Scoring", "StayposCore", "Filesystem", "CLinux", "Detection", "ImageDecoding", "TestSupport",
        "scorer-probe", "staypos-scorer", system,
      ]),
    tests("QuarantiningTests", ["Quarantining", "Filesystem", "Hashing", "StayposCore", system]),
    tests("JournalingTests", ["Journaling", "StayposCore", "Threading", "journal-probe", log, system]),
    tests("ControlInterfaceTests", ["ControlInterface", "StayposCore", "TestSupport", system]),
    tests(
      "ControlServerTests",
      [
        "ControlServer", "ControlInterface", "Filesystem", "StayposCore", "TestSupport", "Threading", "staypos-ctl",
        system,
      ]),
    tests("EvaluationTests", ["Evaluation", "Datasets", "StayposCore", "TestSupport", system]),
    tests("CurationTests", ["Curation", "Datasets", "Hashing", "ImageDecoding", "StayposCore", "TestSupport", system]),
    tests("AutoencodingTests", ["Autoencoding", "Checkpoints", "ImageDecoding", "StayposCore", "TestSupport", system]),
    tests(
      "StayposTests",
      ["staypos", "Detection", "Filesystem", "ImageDecoding", "StayposCore", "TestSupport", "Threading", system]),
    tests(
      "DaemonTests",
      [
        "Daemon", "Cataloguing", "ControlInterface", "ControlServer", "Filesystem", "Hashing", "Journaling",
        "Quarantining", "Scoring", "StayposCore", "TestSupport", "Threading", "Watching", "staypos-scorer",
        "scorer-probe", system,
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    // The executables are dependencies so that they are built beside the test runner.
    tests(
      "EndToEnd",
      [
        "stayposd", "staypos-scorer", "staypos-ctl", "staypos", "StayposCore", "ImageDecoding", "Checkpoints",
        "Journaling", "TestSupport", "CLinux", "scorer-probe", system,
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
  ]
)
