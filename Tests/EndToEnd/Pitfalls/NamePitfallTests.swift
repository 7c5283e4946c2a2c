import Foundation
import Glibc
import StayposCore
import SystemPackage
import Testing

/// Names, kinds and places that are not what one expects.
@Suite(.timeLimit(.minutes(15)))
struct NamePitfallTests {
  @Test("Pitfall 24: FIFOs, sockets, devices, dangling links and locked directories hold nobody up")
  func otherKinds() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    func populate(_ prefix: String) throws {
      func path(_ name: String) -> String { daemon.uploads.appending("\(prefix)-\(name)").string }
      #expect(mkfifo(path("fifo.png"), 0o666) == 0)
      #expect(symlink("/nowhere", path("dangling.png")) == 0)
      #expect(mkdir(path("locked"), 0) == 0)
      if geteuid() == 0 { #expect(mknod(path("device.png"), S_IFCHR | 0o666, makedev(1, 5)) == 0) }
      let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      defer { close(listener) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path("s.png").utf8.prefix($0.count - 1)) }
      let status = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      #expect(status == 0)
    }
    try populate("before")
    try daemon.start()
    try populate("after")
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "deep/er/face.jpg")
    try oracle.deliver(sample: "real/cat.png", as: "cat.png")
    try await oracle.judge()
    for prefix in ["before", "after"] {
      for name in ["fifo.png", "dangling.png", "locked", "s.png"] {
        var status = stat()
        #expect(lstat(daemon.uploads.appending("\(prefix)-\(name)").string, &status) == 0)
      }
    }
  }

  @Test("Pitfall 25: symbolic links are not followed, neither to files nor to directories nor in circles")
  func symbolicLinks() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    let outside = daemon.directory.appending("outside")
    try FileManager.default.createDirectory(atPath: outside.string, withIntermediateDirectories: false)
    let victim = outside.appending("victim.png")
    let bytes = try RunningDaemon.sample("generated/face.png")
    try daemon.drop(bytes, at: victim)
    oracle.expect(bytes, at: victim, verdict: nil, attributes: try FileAttributes(of: victim))
    func link(_ prefix: String) {
      func path(_ name: String) -> String { daemon.uploads.appending("\(prefix)-\(name)").string }
      #expect(symlink(victim.string, path("file.png")) == 0)
      #expect(symlink(outside.string, path("directory")) == 0)
      #expect(symlink("\(prefix)-loop", path("loop")) == 0)
      #expect(symlink(".", path("self")) == 0)
    }
    link("before")
    try daemon.start()
    link("after")
    // Nor on request.
    for name in ["after-file.png", "after-directory/victim.png", "after-loop"] {
      #expect(throws: ControlConnection.Refusal.self) {
        try daemon.call("Submit", ["path": daemon.uploads.appending(name).string, "wait": true])
      }
    }
    try oracle.deliver(sample: "real/cat.png", as: "cat.png")
    try await oracle.judge()
  }

  @Test("Pitfall 26: names of any bytes come back from the quarantine as they were, and are escaped for people")
  func names() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let names: [[UInt8]] = [
      [0xFF, 0xFE, 0xC3, 0x28], Array("line\nfeed".utf8), Array("\u{1B}[31mred".utf8), Array("\\x41".utf8),
      Array(repeating: UInt8(ascii: "n"), count: 255), Array("\u{202E}gpj.exe".utf8), [0x20], Array("-rf".utf8),
    ]
    var paths: [FilePath] = []
    for (index, name) in names.enumerated() {
      let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "name \(index)")
      let outside = daemon.directory.appending("outside")
      try daemon.drop(bytes, at: outside)
      let path = daemon.uploads.pushing(try #require(FilePath(bytes: name)))
      let attributes = try FileAttributes(of: outside)
      try move(outside, path)
      oracle.expect(bytes, at: path, verdict: "flagged", attributes: attributes)
      paths.append(path)
    }
    _ = try await daemon.verdicts(names.count)
    let list = try await daemon.ctl("quarantine", "list")
    #expect(!list.output.contains("\u{1B}") && !list.output.contains("\u{202E}"))
    let json = try await daemon.ctl("history", "--json")
    #expect(json.lines.count == names.count)
    for object in try daemon.quarantined() {
      _ = try daemon.call("RestoreQuarantine", ["id": try #require(object["id"] as? String)])
    }
    for path in paths { oracle.change(path) { $0.fate = .inPlace } }
    try await oracle.judge()
    let log = daemon.text(daemon.log)
    #expect(!log.contains("\u{1B}") && !log.contains("\u{202E}"))
    #expect(log.split(separator: "\n").allSatisfy { $0.first?.isNumber == true }, "every line is one of the daemon's")
  }

  @Test("Pitfall 27: a root inside the quarantine or the state is refused; they inside a root make no loop")
  func ownDirectories() async throws {
    let inside = try RunningDaemon()
    let text = inside.text(inside.configuration)
    for own in [inside.quarantine, inside.state] {
      for path in [own, own.appending("below")] {
        try inside.write(
          text.replacing("path = \"\(inside.uploads)\"", with: "path = \"\(path)\""), to: inside.configuration)
        let refused = try await BuiltExecutables.run("stayposd", ["--config", inside.configuration.string])
        #expect(refused.exitCode == 78)
        #expect(refused.errors.contains("lies inside"), "\(refused.errors)")
      }
    }

    // The uploads are the directory that holds everything.
    let daemon = try RunningDaemon()
    let everything = daemon.text(daemon.configuration).replacing(
      "\"\(daemon.uploads)\"", with: "\"\(daemon.directory)\"")
    try daemon.write(everything + "\n[policy]\nmode = \"enforce\"\n", to: daemon.configuration)
    let oracle = Oracle(daemon)
    try daemon.start()
    for index in 0..<5 { try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "\(index).jpg") }
    _ = try await daemon.eventually("five objects") { try daemon.quarantined().count == 5 ? () : nil }
    try await daemon.barrier()
    try await daemon.emptyQueue()
    let own = try daemon.verdictsByPath().keys.filter {
      $0.hasPrefix(daemon.quarantine.string) || $0.hasPrefix(daemon.state.string)
    }
    #expect(own == [])
    #expect(try daemon.quarantined().count == 5)
    #expect(try daemon.stop() == 0)
  }

  @Test("Pitfall 28: what the daemon restores is not taken again; with other content it is")
  func restored() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    _ = try daemon.call("RestoreQuarantine", ["id": id])
    oracle.change(path) { $0.fate = .inPlace }
    try await daemon.barrier("barrier.txt")
    oracle.expect(
      Data("no image: barrier.txt".utf8), at: daemon.uploads.appending("barrier.txt"),
      verdict: "not-scored: unsupported-format")
    // Neither a scan nor a restart takes it.
    _ = try daemon.call("Rescan")
    #expect(try daemon.stop() == 0)
    try daemon.start()
    let other = try oracle.deliver(sample: "real/cat.png", as: "cat.png")
    _ = try await daemon.verdict(on: other)
    #expect(daemon.exists(path))
    // In place, as an editor would.
    let bytes = try SampleVariants.variant(of: "generated/broccoli-2.jpg", "other content")
    try daemon.drop(bytes, at: path)
    oracle.change(path) { $0.fate = .gone }
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }

  private func makedev(_ major: Int, _ minor: Int) -> dev_t { dev_t(major << 8 | minor) }
}
