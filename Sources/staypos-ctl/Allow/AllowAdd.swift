import ArgumentParser
import ControlInterface
import StayposCore

struct AllowAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Put content on the list.",
    discussion: "Files already in the quarantine stay there: restore them.")

  @Argument(
    help: ArgumentHelp("A SHA-256, or a file to compute it from.", valueName: "sha256-or-file"), completion: .file(),
    transform: Allow.digest)
  var digest: SHA256Digest

  @Option(help: "Why, for those who read the list later.")
  var note = ""

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.addAllow, AddAllowCall(sha256: digest, note: note), replying: NoParameters.self)
      try printer.done("allowed \(digest)")
    }
  }
}
