import Cataloguing
import Quarantining
import StayposCore
import SystemPackage

/// Quarantine and catalogue agree at every moment: what leaves the one is written into the other before its record goes.
extension PipelineContext {
  /// The file counts as judged before it appears, so that it is not taken again whatever happens after that.
  func restore(_ id: QuarantineID, to path: FilePath?) throws(QuarantineError) -> Quarantine.Restored {
    let sha256 = try quarantine.record(id).sha256
    return try quarantine.restore(
      id, to: path,
      beforePublishing: { try catalogue.setJudged($0, sha256: sha256, historyID: nil) },
      beforeForgetting: { departure in
        do throws(CatalogueError) {
          try note(departure)
        } catch {
          throw QuarantineError(
            .io,
            "the file is back in its place, but this could not be written down: \(error.message); then restart the "
              + "daemon, which finishes that")
        }
      })
  }

  func note(_ departure: Quarantine.Departure) throws(CatalogueError) {
    switch departure {
    case .restored(let record, let identity):
      try catalogue.setState(.restored, of: record.id, judged: identity, sha256: record.sha256)
    case .deleted(let record): try catalogue.setState(.deleted, of: record.id)
    }
  }
}
