import ArgumentParser
import ControlInterface
import StayposCore

struct QuarantineShow: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the record of one file.")

  @Argument(transform: Quarantine.id)
  var id: QuarantineID

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let object = try client.call(.getQuarantine, QuarantineIDCall(id: id), replying: QuarantineReply.self).object
      try printer.single(object, Self.pairs(object))
    }
  }

  private static func pairs(_ object: QuarantineObject) -> [(String, Cell)] {
    let bound = object.lowerBound ? "≥" : ""
    return [
      ("id", Cell(object.id.description)),
      ("time", Cell(object.time)),
      ("path", Cell(shown(object.path, object.pathBase64))),
      ("size", Cell("\(object.size)")),
      ("sha256", Cell(object.sha256.description)),
      ("probability", Cell(object.probability.map { "\(bound)\($0)" } ?? "-")),
      ("logit", Cell(object.logit.map { "\(bound)\($0)" } ?? "-")),
      ("threshold", Cell(object.threshold.description)),
      ("model", Cell(object.model?.description ?? "-")),
      ("owner", Cell("\(object.uid):\(object.gid)")),
      ("mode", Cell(object.mode)),
      ("modified", Cell(object.modified)),
      ("links", Cell("\(object.links)")),
      ("writer", Cell(object.writerOpen.map { $0 ? "had it open" : "none" } ?? "unknown")),
      ("host", Cell(shown(object.host))),
    ]
  }
}
