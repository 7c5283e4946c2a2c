import ArgumentParser
import ControlInterface
import StayposCore
import SystemPackage

struct QuarantineRestore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a file back, with its owner, mode, times and attributes.",
    discussion: "Never overwrites: if something is in the place, name another with --to.")

  @Argument(transform: Quarantine.id)
  var id: QuarantineID

  @Option(help: "Where to, if not where it was.", completion: .file(), transform: FilePath.init(absoluteArgument:))
  var to: FilePath?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let reply = try client.call(
        .restoreQuarantine, RestoreQuarantineCall(id: id, to: to), replying: RestoreReply.self)
      try printer.single(reply, [("path", Cell(shown(reply.path, reply.pathBase64)))])
    }
  }
}
