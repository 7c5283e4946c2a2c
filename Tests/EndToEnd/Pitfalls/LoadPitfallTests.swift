import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Many files at once.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct LoadPitfallTests {
  @Test("Pitfall 39: flagged and clear back to back over many workers: no verdict reaches another file")
  func backToBack() async throws {
    let daemon = try RunningDaemon(detector: "workers = 4")
    let oracle = Oracle(daemon)
    try daemon.start()
    _ = try daemon.call("Pause")
    for index in 0..<60 {
      try oracle.deliver(sample: index % 2 == 0 ? "generated/broccoli-1.jpg" : "real/rocket.jpg", as: "\(index).jpg")
    }
    _ = try await daemon.queued(60)
    _ = try daemon.call("Resume")
    try await oracle.judge()
  }

  /// STAYPOS_QUEUE_FILES=10000 is the size of the issue.
  @Test("Pitfall 40: thousands of uploads that nobody keeps up with wait in bounded memory, and are seen to wait")
  func flood() async throws {
    let count = Effort.count("STAYPOS_QUEUE_FILES", or: 1000)
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    try daemon.start()
    try oracle.deliver(sample: "real/cat.png", as: "first.png")
    _ = try await daemon.verdicts(1)
    let memory = try daemon.anonymousMemory()
    _ = try daemon.call("Pause")
    for index in 0..<count {
      try oracle.deliver(
        Data("text \(index % 50)".utf8), as: "\(index % 10)/\(index)", verdict: "not-scored: unsupported-format")
    }
    try await daemon.eventually("\(count) files in the queue", within: 120) {
      try daemon.status()["queueDepth"] as? Int == count ? () : nil
    }
    let grown = try daemon.anonymousMemory() - memory
    #expect(grown < 24 << 20 + count * 1024, "\(grown) bytes")
    #expect(try #require(try daemon.status()["oldestQueuedSeconds"] as? Double) > 0)
    Effort.report("queue of \(count) files: \(grown >> 20) MiB more memory")
    _ = try daemon.call("Resume")
    try await oracle.judge(within: 600)
  }

  /// STAYPOS_COPIES=1000 is the size of the issue.
  @Test("Pitfall 41: content that comes many times is scored once per model, and every copy is acted on")
  func copies() async throws {
    let count = Effort.count("STAYPOS_COPIES", or: 100)
    let daemon = try RunningDaemon(detector: "workers = 2")
    let oracle = Oracle(daemon)
    // Another model with the same weights: another file.
    let original = try contents(of: BuiltExecutables.model)
    let model = daemon.directory.appending("other.safetensors")
    try original.write(to: URL(filePath: model.string))
    try daemon.start()
    _ = try daemon.call("Pause")
    let flagged = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "copies")
    let clear = try SampleVariants.variant(of: "real/rocket.jpg", "copies")
    for index in 0..<count {
      try oracle.deliver(flagged, as: "flagged/\(index)", verdict: "flagged")
      try oracle.deliver(clear, as: "clear/\(index)", verdict: "clear")
    }
    try await daemon.eventually("all in the queue", within: 60) {
      try daemon.status()["queueDepth"] as? Int == 2 * count ? () : nil
    }
    _ = try daemon.call("Resume")
    let history = try await daemon.verdicts(2 * count)
    for verdict in ["flagged", "clear"] {
      let fresh = history.filter { $0["verdict"] as? String == verdict && $0["cached"] as? Bool == false }
      #expect(fresh.count == 1, "\(verdict): scored \(fresh.count) times")
    }
    // What one model said is no answer for another.
    try Self.renameModel(model)
    try daemon.write(
      daemon.text(daemon.configuration).replacing(
        BuiltExecutables.model.string, with: model.string), to: daemon.configuration)
    _ = try daemon.call("Reload")
    let entry = try #require(
      try daemon.call("Submit", ["path": daemon.uploads.appending("clear/0").string, "wait": true])["entry"]
        as? [String: Any])
    #expect(entry["cached"] as? Bool == false)
    oracle.change(daemon.uploads.appending("clear/0")) { $0.verdicts.append("clear") }
    try await oracle.judge()
  }

  /// One letter of its name in the metadata, so that the file has another digest.
  private static func renameModel(_ path: FilePath) throws {
    var bytes = try contents(of: path)
    let name = try #require(bytes.prefix(1 << 20).firstRange(of: Data("staypos-lite0".utf8)))
    bytes[name.lowerBound] = UInt8(ascii: "x")
    try bytes.write(to: URL(filePath: path.string))
  }

  @Test("Pitfall 42: the threshold in force when a file is judged counts, and each verdict records it with its score")
  func thresholds() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    try daemon.start()
    func queue(_ names: String...) async throws {
      _ = try daemon.call("Pause")
      for name in names {
        try oracle.deliver(
          try SampleVariants.variant(of: "real/rocket.jpg", name), as: name,
          verdict: name.hasPrefix("low") ? "flagged" : "clear")
      }
      _ = try await daemon.queued(names.count)
    }
    try await queue("high-1", "high-2")
    _ = try daemon.call("SetThreshold", ["value": 0.999999])
    _ = try daemon.call("Resume")
    try await daemon.emptyQueue()
    try await queue("low-1", "low-2")
    _ = try daemon.call("SetThreshold", ["value": 0.0])
    _ = try daemon.call("Resume")
    for (name, threshold) in [("high-1", 0.999999), ("high-2", 0.999999), ("low-1", 0), ("low-2", 0)] {
      let entry = try await daemon.verdict(on: daemon.uploads.appending(name))
      #expect(entry["threshold"] as? Double == threshold)
      #expect(entry["probability"] as? Double != nil)
    }
    try await oracle.judge()
    let lines = daemon.text(daemon.log).split(separator: "\n")
    for name in ["high-1", "low-1"] {
      #expect(
        lines.contains { $0.contains("/\(name)  verdict=") && $0.contains("threshold=") && $0.contains("logit=") })
    }
  }
}
