import Foundation
import SystemPackage
import Testing

/// What a daemon holds after much work.
@Suite(.timeLimit(.minutes(15)))
struct LeakTests {
  @Test("Hundreds of files and several reloads leave no descriptor, process or memory behind")
  func leaks() async throws {
    let daemon = try RunningDaemon(settle: 20, detector: "workers = 2")
    try daemon.start()
    var dropped = 0
    func drop(_ count: Int) throws {
      for _ in 0..<count {
        let path = daemon.uploads.appending("\(dropped)")
        dropped += 1
        try daemon.drop(
          dropped % 3 == 0
            ? try SampleVariants.variant(of: "generated/broccoli-1.jpg", "\(dropped)") : Data("text \(dropped)".utf8),
          at: path)
      }
    }
    func settle() async throws {
      let count = dropped
      _ = try await daemon.eventually("\(count) verdicts", within: 180) {
        try daemon.verdictCount() >= count ? true : nil
      }
      try await daemon.emptyQueue()
    }
    try drop(50)
    try await settle()
    _ = try daemon.call("Reload")
    try drop(20)
    try await settle()
    let descriptors = try daemon.openDescriptors()
    let memory = try daemon.anonymousMemory()
    for _ in 0..<4 {
      _ = try daemon.call("Reload")
      try drop(60)
      try await settle()
    }
    // A worker changes to a new model's scorer with its next file.
    _ = try await daemon.eventually("no more than \(descriptors) descriptors") {
      try drop(1)
      try await settle()
      return try daemon.openDescriptors() <= descriptors ? true : nil
    }
    #expect(daemon.children().count == 2)
    #expect(try daemon.anonymousMemory() - memory < 16 << 20)
    #expect(try daemon.verdictCount() == dropped)
    #expect(try daemon.stop() == 0)
  }

  /// Some hundred bytes of a table stay: TOMLKit frees no copy of a value.
  @Test("A configuration that is read again does not stay in memory")
  func reloads() async throws {
    let daemon = try RunningDaemon(scorer: .standIn)
    // So much that nothing else counts.
    var text = daemon.text(daemon.configuration)
    for index in 0..<400 {
      let path = daemon.directory.appending("more-\(index)")
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: false)
      text += "[[watch]]\npath = \"\(path)\"\nrecursive = true\nsettle_milliseconds = 20\n"
    }
    try daemon.write(text, to: daemon.configuration)
    try daemon.start()
    for _ in 0..<3 { _ = try daemon.call("Reload") }
    let memory = try daemon.anonymousMemory()
    for _ in 0..<30 { _ = try daemon.call("Reload") }
    let growth = try daemon.anonymousMemory() - memory
    #expect(growth < 30 * 400 * 400, "\(growth) bytes")
    #expect(try daemon.stop() == 0)
  }
}
