import ArgumentParser
import ControlInterface

struct Reload: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read the configuration again; a bad one is refused and the old one stays.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.reload, replying: NoParameters.self)
      try printer.done("reloaded")
    }
  }
}
