import Cataloguing
import Quarantining
import StayposCore
import Synchronization

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
  private let wake = Mutex<@Sendable () -> Void>({})

  package init(
    catalogue: Catalogue, quarantine: Quarantine, events: EventHub, degradations: DegradationBoard, policy: PolicyState
  ) {
    self.catalogue = catalogue
    self.quarantine = quarantine
    self.events = events
    self.degradations = degradations
    leftInPlace = LeftInPlace(degradations: degradations)
    policyState = Mutex(policy)
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
}
