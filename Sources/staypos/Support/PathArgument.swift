import ArgumentParser
import StayposCore
import SystemPackage

/// A path as the shell gave it, byte for byte.
struct PathArgument: ExpressibleByArgument {
  var path: FilePath

  init(_ path: FilePath) {
    self.path = path
  }

  init?(argument: String) {
    guard !argument.isEmpty, let path = FilePath(argument: argument) else { return nil }
    self.path = path
  }

  static var defaultCompletionKind: CompletionKind { .file() }
}
