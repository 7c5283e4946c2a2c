import ArgumentParser
import ControlInterface

struct Pause: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Judge no more files; new ones are still queued.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.pause, replying: NoParameters.self)
      try printer.done("paused")
    }
  }
}
