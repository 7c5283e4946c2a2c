import ArgumentParser
import Detection
import FoundationEssentials
import StayposCore
import SystemPackage

/// A network's name, or a file with its numbers in JSON.
enum ArchitectureArgument: ExpressibleByArgument {
  case named(NamedArchitecture)
  case file(FilePath)

  init?(argument: String) {
    if let name = NamedArchitecture(rawValue: argument) {
      self = .named(name)
    } else if argument.hasSuffix(".json"), let path = FilePath(argument: argument) {
      self = .file(path)
    } else {
      return nil
    }
  }

  static let allValueStrings = NamedArchitecture.allCases.map(\.rawValue) + ["FILE.json"]
  static var defaultCompletionKind: CompletionKind { .list(NamedArchitecture.allCases.map(\.rawValue)) }

  /// For messages.
  var name: String {
    switch self {
    case .named(let name): name.rawValue
    case .file(let path): path.escaped
    }
  }

  /// As it was given.
  var argument: [UInt8] {
    switch self {
    case .named(let name): Array(name.rawValue.utf8)
    case .file(let path): path.bytes
    }
  }

  func load() throws -> (architecture: Architecture, preprocessing: Preprocessing) {
    switch self {
    case .named(let name): return (name.architecture, name.preprocessing)
    case .file(let path):
      let architecture: Architecture
      do {
        architecture = try JSONDecoder().decode(Architecture.self, from: Data(contentsOf: URL(filePath: path.string)))
      } catch {
        throw Failure("\(path.escaped): is no architecture in JSON, as staypos model info prints one: \(error)")
      }
      return (architecture, architecture.usualPreprocessing)
    }
  }
}
