#if DEBUG
  extension Failpoint {
    /// Steps that can fail: `hit` in the sources.
    package static let steps: Set<String> = [
      // Into the queue, and from it to the scorer; inside the transaction.
      "admission.queueing", "admission.renaming", "queue.leasing", "queue.releasing",
      // Scoring.
      "scorer.starting", "scorer.asking", "verdict.keeping", "verdict.recording",
      // Into the quarantine, by a rename or by a copy.
      "take.recordWritten", "take.moved", "take.synced", "take.copyRecorded", "take.copied", "take.published",
      "take.setAside",
      // Out of it, by a rename or by a copy.
      "restore.recorded", "restore.prepared", "restore.judging", "restore.moved", "restore.copied",
      "restore.copyRecorded", "restore.published", "restore.objectRemoved", "restore.told",
      "delete.recorded", "delete.objectRemoved", "delete.told", "departure.indexing",
      // After a crash.
      "recovery.told", "recovery.indexing",
      // In time.
      "retention.pruning",
    ]

    /// Moments between steps, at which nothing can fail: `pass` in the sources.
    package static let moments: Set<String> = [
      "admission.settled", "admission.queued", "admission.submitted",
      "queue.leased", "scoring.opened", "scoring.hashed", "scorer.started", "scorer.asked", "scorer.answered",
      "verdict.decided", "verdict.recorded", "verdict.told",
      // On the way back from a step that failed.
      "take.givenBack", "take.putBack", "take.copyWithdrawn", "take.withdrawn", "restore.undone",
      "take.sourceRemoved", "take.recorded", "restore.forgotten", "delete.forgotten",
      "recovery.swept", "recovery.copyWithdrawn", "recovery.sourceRemoved", "recovery.putBack", "recovery.givenBack",
      "recovery.taken", "recovery.undone", "recovery.objectRemoved", "recovery.quarantineDone", "recovery.completed",
      "recovery.indexed",
      "retention.due", "retention.deleted",
    ]

    package static let names = steps.union(moments)
  }
#endif
