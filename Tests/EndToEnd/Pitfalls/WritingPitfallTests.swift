import Foundation
import Glibc
import SystemPackage
import Testing

/// Every way in which a file is written.
@Suite(.timeLimit(.minutes(15)))
struct WritingPitfallTests {
  private let daemon: RunningDaemon
  private let oracle: Oracle

  init() throws {
    daemon = try RunningDaemon(settle: 100)
    oracle = Oracle(daemon)
    try daemon.start()
  }

  private func flagged(_ comment: String) throws -> Data {
    try SampleVariants.variant(of: "generated/broccoli-1.jpg", comment)
  }

  private func clear(_ comment: String) throws -> Data {
    try SampleVariants.variant(of: "real/rocket.jpg", comment)
  }

  @Test("Pitfall 1: a hard link into the tree is scored once")
  func hardLinks() async throws {
    for (name, verdict, bytes) in [("a", "flagged", try flagged("a")), ("b", "clear", try clear("b"))] {
      let outside = daemon.directory.appending("outside-\(name)")
      try daemon.drop(bytes, at: outside)
      let attributes = try FileAttributes(of: outside)
      let path = daemon.uploads.appending(name)
      #expect(link(outside.string, path.string) == 0)
      oracle.expect(bytes, at: path, verdict: verdict, attributes: attributes)
      _ = try await daemon.verdict(on: path)
      // The other name is nobody's business.
      #expect(try Data(contentsOf: URL(filePath: outside.string)) == bytes)
      #expect(try FileAttributes(of: outside) == attributes)
    }
    try await oracle.judge()
  }

  @Test("Pitfall 2: O_TMPFILE and linkat are scored under the final name")
  func unnamedFiles() async throws {
    for (name, verdict, bytes) in [("a.jpg", "flagged", try flagged("a")), ("b.jpg", "clear", try clear("b"))] {
      let unnamed = open(daemon.uploads.string, O_RDWR | 0o20200000, 0o640)
      try #require(unnamed >= 0)
      #expect(bytes.withUnsafeBytes { write(unnamed, $0.baseAddress, $0.count) } == bytes.count)
      let path = daemon.uploads.appending(name)
      #expect(linkat(AT_FDCWD, "/proc/self/fd/\(unnamed)", AT_FDCWD, path.string, AT_SYMLINK_FOLLOW) == 0)
      close(unnamed)
      oracle.expect(bytes, at: path, verdict: verdict)
    }
    try await oracle.judge()
  }

  @Test("Pitfall 3: what is written through a map after the close counts")
  func maps() async throws {
    let path = daemon.uploads.appending("mapped.jpg")
    let bytes = try flagged("map")
    let file = open(path.string, O_RDWR | O_CREAT, 0o644)
    #expect(ftruncate(file, bytes.count) == 0)
    let map = try #require(mmap(nil, bytes.count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
    close(file)
    // All that came before it has been looked at: it still waits.
    try oracle.deliver(sample: "real/rocket.jpg", as: "other.jpg")
    _ = try await daemon.verdict(on: daemon.uploads.appending("other.jpg"))
    #expect(try daemon.entries(on: path).isEmpty)
    bytes.withUnsafeBytes { map.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    #expect(try daemon.entries(on: path).isEmpty)
    munmap(map, bytes.count)
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }

  @Test("Pitfall 4: a writer that comes back within the settle time gives one verdict, on the final content")
  func gaps() async throws {
    let daemon = try RunningDaemon(settle: 1500)
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = daemon.uploads.appending("pieces.jpg")
    let bytes = try flagged("pieces")
    let size = bytes.count / 5 + 1
    for start in stride(from: 0, to: bytes.count, by: size) {
      let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(bytes[start..<min(start + size, bytes.count)]) }
      // The gap is the case: on this thread, for a task may have to wait for one.
      usleep(300_000)
    }
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }

  @Test("Pitfall 5: no verdict on partial data while a writer has the file open")
  func openWriters() async throws {
    let path = daemon.uploads.appending("slow.jpg")
    let bytes = try flagged("slow")
    let file = try FileDescriptor.open(path, .writeOnly, options: [.create], permissions: .ownerReadWrite)
    try file.closeAfter {
      try file.writeAll(bytes.prefix(bytes.count / 2))
      for name in ["one", "two"] {
        let other = try oracle.deliver(sample: "real/rocket.jpg", as: name)
        while try daemon.entries(on: other).isEmpty { usleep(10_000) }
        #expect(try daemon.entries(on: path).isEmpty)
        #expect(daemon.exists(path))
      }
      try file.writeAll(bytes.suffix(from: bytes.count / 2))
    }
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }

  @Test("Pitfall 6: opened for writing and closed unchanged, a file is not scored again")
  func idleWriters() async throws {
    let path = try oracle.deliver(sample: "real/cat.png", as: "cat.png")
    _ = try await daemon.verdict(on: path)
    for _ in 0..<5 { try FileDescriptor.open(path, .writeOnly).close() }
    try await oracle.judge()
  }

  @Test("Pitfall 7: of a temporary name that is renamed only the final name is scored")
  func temporaryNames() async throws {
    for (name, verdict, bytes) in [("a.jpg", "flagged", try flagged("a")), ("b.jpg", "clear", try clear("b"))] {
      let temporary = daemon.uploads.appending(".\(name).X7f3Qz")
      try daemon.drop(bytes, at: temporary)
      let path = daemon.uploads.appending(name)
      #expect(rename(temporary.string, path.string) == 0)
      oracle.expect(bytes, at: path, verdict: verdict)
    }
    try await oracle.judge()
  }

  @Test("Pitfall 8: a rename over a judged file brings the new one to its own verdict")
  func replacements() async throws {
    let path = try oracle.deliver(sample: "real/coins.png", as: "picture")
    _ = try await daemon.verdict(on: path)
    oracle.change(path) { $0.fate = .gone }
    try oracle.deliver(sample: "generated/face.png", as: "picture")
    try await daemon.eventually("the second verdict") { try daemon.entries(on: path).count == 2 ? () : nil }
    try oracle.deliver(sample: "real/cat.png", as: "picture")
    try await oracle.judge()
  }

  @Test("Pitfall 9: both files of an exchange are checked, and keep the verdicts on their bytes")
  func exchanges() async throws {
    // Judged already: the bytes tell that nothing is new.
    let one = try oracle.deliver(sample: "real/coins.png", as: "one")
    let two = try oracle.deliver(sample: "real/cat.png", as: "two")
    for path in [one, two] { _ = try await daemon.verdict(on: path) }
    try exchange(one, two)
    oracle.change(one) { $0.place = two }
    oracle.change(two) { $0.place = one }
    // With one that nobody has looked at.
    let outside = daemon.directory.appending("outside")
    let bytes = try flagged("exchanged")
    try daemon.drop(bytes, at: outside)
    try exchange(one, outside)
    oracle.change(two) { $0.fate = .gone }
    oracle.expect(bytes, at: one, verdict: "flagged")
    try await oracle.judge()
  }

  @Test("Pitfall 15: deleted and made again quickly, the final content is scored")
  func recreations() async throws {
    let path = daemon.uploads.appending("again.jpg")
    for round in 0..<30 {
      try daemon.drop(try clear("round \(round)"), at: path)
      #expect(unlink(path.string) == 0)
    }
    let bytes = try flagged("the last")
    try daemon.drop(bytes, at: path)
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }
}
