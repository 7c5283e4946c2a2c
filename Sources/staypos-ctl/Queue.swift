import ArgumentParser
import ControlInterface

struct Queue: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the files that wait for their verdict.")

  @Option(help: "Entries at most.")
  var limit = ControlInterface.defaultLimit

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit is at least 1") }
  }

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try printer.list(
        &client, .listQueue, ListQueueCall(limit: limit), of: QueueRecord.self,
        heading: ["ID", "QUEUED", "PRIORITY", "ATTEMPTS", "SIZE", "PATH"]
      ) { entry in
        [
          Cell(number: entry.id), Cell(entry.enqueued), Cell(entry.priority.rawValue), Cell(number: entry.attempts),
          Cell(number: entry.size), Cell(shown(entry.path, entry.pathBase64)),
        ]
      }
    }
  }
}
