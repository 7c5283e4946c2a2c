import ArgumentParser
import ControlInterface
import SystemPackage

struct Submit: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Have one file judged before all others.")

  @Argument(completion: .file(), transform: FilePath.init(absoluteArgument:))
  var path: FilePath

  @Flag(help: "Wait for the verdict and print it as `show` does.")
  var wait = false

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let reply = try client.call(.submit, PathCall(path: path, wait: wait), replying: SubmitReply.self)
      if let entry = reply.entry {
        try printer.single(entry, Show.pairs(entry))
      } else {
        try printer.single(reply, [("queueId", Cell(reply.queueId.map { "\($0)" } ?? "-"))])
      }
    }
  }
}
