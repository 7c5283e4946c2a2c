import ArgumentParser
import ControlInterface
import SystemPackage

struct Rescan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look for files that were missed, below one path or everywhere.")

  @Argument(completion: .file(), transform: FilePath.init(absoluteArgument:))
  var path: FilePath?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.rescan, PathCall(path: path), replying: NoParameters.self)
      try printer.done("rescan started")
    }
  }
}
