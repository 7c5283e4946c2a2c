import Cataloguing
import ControlInterface
import ControlServer
import Quarantining
import StayposCore
import SystemPackage

extension DaemonControl {
  /// Records that are read for one page: each is a file.
  private static let recordsPerPage = 25

  package func quarantined(
    before: QuarantineID?, limit: Int
  ) throws(ControlFailure) -> Page<QuarantineObject, QuarantineID> {
    let limit = min(limit, Self.recordsPerPage)
    let summaries = try refusing { () throws(CatalogueError) in
      try context.catalogue.quarantined(before: before, limit: limit)
    }
    // One whose record cannot be read, or that goes in this moment, is left out.
    let objects = summaries.compactMap { try? context.quarantine.record($0.id) }.map(QuarantineObject.init)
    return Page(objects, next: summaries.count < limit ? nil : summaries.last?.id)
  }

  package func quarantineObject(_ id: QuarantineID) throws(ControlFailure) -> QuarantineObject? {
    do {
      return QuarantineObject(try context.quarantine.record(id))
    } catch  where error.code == .notFound {
      return nil
    } catch {
      throw .refused(error.description)
    }
  }

  package func restore(
    _ id: QuarantineID, to path: FilePath?, by peer: Peer
  ) throws(ControlFailure) -> FilePath {
    if let path { try requireForeign(path) }
    let restored: Quarantine.Restored
    do {
      let target = try path ?? context.quarantine.record(id).path
      // Its own restore must not look like an upload to the daemon.
      context.restorations.begin(target)
      defer { context.restorations.end(target) }
      restored = try context.restore(id, to: path)
    } catch {
      throw Self.failure(error)
    }
    context.events.record(
      Event(
        .restored, .notice, "restored from the quarantine", path: restored.path, sha256: restored.record.sha256,
        quarantineID: id, peer: peer))
    return restored.path
  }

  package func delete(_ id: QuarantineID, by peer: Peer) throws(ControlFailure) {
    do {
      let record = try context.quarantine.delete(id, beforeForgetting: context.note)
      context.events.record(
        Event(
          .deleted, .notice, "deleted from the quarantine", path: record.path, sha256: record.sha256,
          quarantineID: id, peer: peer))
    } catch {
      throw Self.failure(error)
    }
  }

  private static func failure(_ error: any Error) -> ControlFailure {
    if let error = error as? QuarantineError, error.code == .notFound { return .notFound(error.description) }
    return .refused("\(error)")
  }
}

extension QuarantineObject {
  init(_ record: QuarantineRecord) {
    self.init(
      id: record.id, time: record.time, path: record.path, sha256: record.sha256, size: record.size,
      score: record.score, threshold: record.threshold, model: record.model.sha256,
      uid: record.metadata.uid, gid: record.metadata.gid, mode: record.metadata.mode,
      modified: record.metadata.modified, links: record.links, writerOpen: record.writerOpen, host: record.host)
  }
}
