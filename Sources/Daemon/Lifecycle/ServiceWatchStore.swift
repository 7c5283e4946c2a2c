import Filesystem
import Journaling
import Watching

/// The service manager's descriptor store (`FileDescriptorStoreMax=` of the unit) as the watcher needs it.
struct ServiceWatchStore: WatchStore {
  let passed: PassedDescriptors
  let notifier = ServiceNotifier()

  func take(_ part: KeptPart) -> Descriptor? {
    guard let descriptor = passed.kept(as: part.rawValue) else { return nil }
    return Descriptor(owning: descriptor)
  }

  func keep(_ descriptor: borrowing Descriptor, as part: KeptPart) {
    // The queue stays the same: a manager that has it keeps what it has.
    if part == .map { notifier.forget(part.rawValue) }
    notifier.keep(descriptor.rawValue, as: part.rawValue)
  }

  func discard(_ part: KeptPart) {
    notifier.forget(part.rawValue)
  }
}
