import ArgumentParser
import ControlInterface
import StayposCore

struct AllowRemove: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take content off the list.")

  @Argument(
    help: ArgumentHelp("A SHA-256, or a file to compute it from.", valueName: "sha256-or-file"), completion: .file(),
    transform: Allow.digest)
  var digest: SHA256Digest

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.removeAllow, RemoveAllowCall(sha256: digest), replying: NoParameters.self)
      try printer.done("no longer allowed: \(digest)")
    }
  }
}
