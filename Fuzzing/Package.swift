// swift-tools-version: 6.2
import PackageDescription

// What strangers can give us to parse, and nothing else, built with instrumentation by scripts/fuzz. `Sources` is a link to
// those of staypos: as a package of its own this needs neither a product nor a setting in the normal build.

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

func library(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: swiftSettings)
}

let package = Package(
  name: "staypos-fuzzing",
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
    .target(
      name: "CImageCodecs",
      linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("jpeg"), .linkedLibrary("z")]),
    .target(name: "CLinux"),
    library("StayposCore", [system]),
    library("Threading", []),
    library("Hashing", ["StayposCore", "COpenSSL", system]),
    library("ImageDecoding", ["StayposCore", "CImageCodecs"]),
    library("Checkpoints", [system]),
    library("Filesystem", ["StayposCore", "CLinux", system]),
    library("Watching", ["StayposCore", "Threading", "Filesystem", "CLinux", system]),
    library("Scoring", ["StayposCore", "Filesystem", "CLinux", system]),
    library("Quarantining", ["StayposCore", "Filesystem", "Hashing", system]),
    library("ControlInterface", ["StayposCore", "Filesystem", system]),
    library("ControlServer", ["StayposCore", "Threading", "Filesystem", "ControlInterface", "CLinux", system]),
    // The rest of the daemon brings a database and more.
    library(
      "Daemon", ["StayposCore", "Filesystem", "Watching", system, "TOMLKit"], path: "Sources/Daemon/Configuration"),

    .systemLibrary(name: "CLibFuzzer", path: "CLibFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CLibFuzzer", "CLinux", "StayposCore", "Threading", "ImageDecoding", "Checkpoints", "Filesystem", "Scoring",
        "Quarantining", "ControlInterface", "ControlServer", "Daemon", system,
      ],
      path: "Targets", swiftSettings: swiftSettings),
  ]
)
