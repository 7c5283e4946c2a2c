import Cataloguing
import Foundation
import Glibc
import StayposCore
import SystemPackage

func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds, nanoseconds: 7) }

func identity(inode: UInt64, changed: Int64 = 1, birth: Int64? = 1) -> FileIdentity {
  FileIdentity(
    device: 0xFFFF_FFFF_0000_0001, inode: inode, birth: birth.map(time), size: 10, modified: time(changed),
    changed: time(changed))
}

func digest(_ byte: UInt8) -> SHA256Digest { SHA256Digest(bytes: Array(repeating: byte, count: 32))! }

let half = Threshold(0.5)!

func entry(
  _ path: FilePath = "/up/a.png", _ verdict: Verdict = .clear, at seconds: Int64 = 100,
  sha256: SHA256Digest? = digest(1)
) -> HistoryEntry {
  HistoryEntry(
    time: time(seconds), path: path, fileSize: 10, sha256: sha256, verdict: verdict,
    score: verdict.reason == nil ? Score(realScore: 0, fakeScore: 1.5, bias: -2.25) : nil,
    imageSize: verdict.reason == nil ? ImageSize(width: 3, height: 4) : nil, threshold: half, model: digest(9),
    duration: .milliseconds(12))
}

extension Catalogue {
  func admit(
    _ path: FilePath, inode: UInt64, changed: Int64 = 1, priority: QueuePriority = .live, again: Bool = false,
    at seconds: Int64 = 10
  ) throws -> AdmissionOutcome {
    try enqueue(
      Admission(path: path, identity: identity(inode: inode, changed: changed), priority: priority, again: again),
      at: time(seconds))
  }
}
