import Cataloguing
import Foundation
import Glibc
import StayposCore
import SystemPackage

/// A directory of a test's own, removed with everything in it at the end.
final class TemporaryDirectory: Sendable {
  let path: FilePath

  init() throws {
    var template = Array("/tmp/staypos-catalogue-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    path = FilePath(platformString: template)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path.string)
  }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

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
