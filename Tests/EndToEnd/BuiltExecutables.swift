import Foundation
import Glibc
import StayposCore
import Subprocess
import SystemPackage
import Testing

/// The executables of this build. `swift test` puts them beside its own; STAYPOS_EXECUTABLES names another folder, of a
/// release build for example.
enum BuiltExecutables {
  /// Executables of a release build, named by STAYPOS_EXECUTABLES: only of these times mean anything.
  static let isOptimized = ProcessInfo.processInfo.environment["STAYPOS_EXECUTABLES"] != nil

  static let directory =
    ProcessInfo.processInfo.environment["STAYPOS_EXECUTABLES"].map { FilePath($0) } ?? besideTests

  /// Where the test runner lies: `.build/debug`, or what `--scratch-path` and `-c` make of it.
  static let besideTests: FilePath = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink("/proc/self/exe", &buffer, Int(PATH_MAX)) > 0 else { return "." }
    return FilePath(platformString: buffer).removingLastComponent()
  }()

  /// Those of a debug build have: the folder that the environment names is taken for another.
  static let haveFailpoints = ProcessInfo.processInfo.environment["STAYPOS_EXECUTABLES"] == nil

  /// Fails the test if it has not been built.
  static func path(_ name: String) throws -> FilePath {
    let path = directory.appending(name)
    try #require(
      path.withPlatformString { access($0, X_OK) } == 0,
      "\(path) is missing: build it with swift build --build-tests")
    return path
  }

  /// Executables of this build under other names, in a folder of their own: stayposd takes the scorer that lies beside it.
  static func link(_ names: [String: String], in parent: FilePath) throws -> FilePath {
    let folder = parent.appending("bin")
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: false)
    for (name, other) in names {
      let (from, to) = (try path(name), folder.appending(other))
      // Another file system takes no link, and a symbolic one would be resolved.
      if Glibc.link(from.string, to.string) != 0 {
        try FileManager.default.copyItem(atPath: from.string, toPath: to.string)
      }
    }
    return folder
  }

  /// The top of the source tree.
  static let repository = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

  /// Whose verdicts on the samples the tests know, whatever the default model is.
  static let model = repository.appending("Models/staypos-lite0-v0.safetensors")

  /// What a finished process left.
  struct Finished {
    var status: TerminationStatus
    var output: String
    var errors: String

    /// nil if a signal ended it.
    var exitCode: CInt? {
      if case .exited(let code) = status { code } else { nil }
    }

    var lines: [Substring] { output.split(separator: "\n") }
  }

  /// Runs an executable of this build to its end; nothing on its standard input.
  /// - Parameter arguments: byte-exact.
  static func run(
    _ name: String, _ arguments: [[UInt8]], environment: Environment = .inherit, workingDirectory: FilePath? = nil
  ) async throws -> Finished {
    // Subprocess hands raw arguments to strdup(3) as they are.
    let terminated = Arguments(arguments.map { $0 + [0] })
    let result = try await Subprocess.run(
      .path(path(name)), arguments: terminated, environment: environment,
      workingDirectory: workingDirectory, output: .string(limit: 1 << 28), error: .string(limit: 1 << 24))
    return Finished(
      status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
  }

  static func run(
    _ name: String, _ arguments: [String], environment: Environment = .inherit, workingDirectory: FilePath? = nil
  ) async throws -> Finished {
    try await run(
      name, arguments.map { Array($0.utf8) }, environment: environment, workingDirectory: workingDirectory)
  }
}
