import Cataloguing
import Quarantining
import StayposCore
import Synchronization
import SystemPackage
import Watching

/// What every step of the way from queue to verdict shares.
package final class PipelineContext: Sendable {
  let catalogue: Catalogue
  let quarantine: Quarantine
  let events: EventHub
  let degradations: DegradationBoard
  let submissions = Submissions()
  let restorations = Restorations()
  let contentsInWork = ContentsInWork()
  let leftInPlace: LeftInPlace
  private let policyState: Mutex<PolicyState>
  private let roots: Mutex<[WatchRoot]>
  private let wake = Mutex<@Sendable () -> Void>({})

  package init(
    catalogue: Catalogue, quarantine: Quarantine, events: EventHub, degradations: DegradationBoard, policy: PolicyState,
    roots: [WatchRoot]
  ) {
    self.catalogue = catalogue
    self.quarantine = quarantine
    self.events = events
    self.degradations = degradations
    leftInPlace = LeftInPlace(degradations: degradations)
    policyState = Mutex(policy)
    self.roots = Mutex(roots.map(WatchRoot.normalized))
  }

  /// - Parameter wake: something in the queue may be served now.
  func setWake(_ wake: @escaping @Sendable () -> Void) {
    self.wake.withLock { $0 = wake }
  }

  func wakeWorkers() { wake.withLock { $0 }() }

  package var policy: PolicyState { policyState.withLock { $0 } }

  package func changePolicy(_ change: (inout PolicyState) -> Void) {
    policyState.withLock { change(&$0) }
  }

  /// What the configuration watches, as of now: the watcher may still report what it has watched before.
  package func setRoots(_ roots: [WatchRoot]) {
    self.roots.withLock { $0 = roots.map(WatchRoot.normalized) }
  }

  /// Whether the configuration still has the file watched. One that somebody has submitted need not match any pattern.
  func isWatched(_ item: QueueItem) -> Bool {
    let roots = roots.withLock { $0 }
    return roots.contains { root in
      root.takes(item.path) || item.priority == .submitted && item.path.starts(with: root.path)
    }
  }
}
