import ControlInterface
import ControlServer
import Foundation
import StayposCore
import SystemPackage
import Testing
import Threading

/// Who may do what, with real processes of other users.
struct RightsTests {
  /// Becoming another user needs root and setpriv (package util-linux).
  static var canSwitchUser: Bool { geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0 }

  private static let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"]

  /// One call of every method by a user, as Python's standard library makes it: the errors, by method.
  private func errors(_ harness: Harness, as user: [String]) throws -> [String: String] {
    let script = """
      import json, socket, sys
      for method, parameters, more in json.loads(sys.argv[2]):
          s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
          call = {"method": "io.staypos.Control." + method, "parameters": parameters, "more": more}
          s.sendall(json.dumps(call).encode() + b"\\0")
          data = b""
          while b"\\0" not in data: data += s.recv(65536)
          print(json.dumps([method, json.loads(data.split(b"\\0")[0]).get("error", "")]))
      """
    let id = QuarantineID(at: FakeService.time, random: 5).description
    let parameters = #"{"value":0.5,"path":"/up/a","id":"\#(id)","sha256":"\#(FakeService.digest?.description ?? "")"}"#
    let calls = ControlMethod.allCases.map { method in
      let own = method == .getHistory ? #"{"id":1}"# : parameters
      return #"["\#(method.rawValue)", \#(own), \#(method == .monitor)]"#
    }
    let result = try harness.run(
      "/usr/bin/setpriv",
      user + ["/usr/bin/python3", "-c", script, harness.socket.string, "[\(calls.joined(separator: ","))]"])
    #expect(result.status == 0, "\(result.errors)")
    let pairs = try result.lines.map { line in
      let pair = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String])
      return (pair[0], pair[1])
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  @Test("Pitfall 57: others may read and not change", .enabled(if: canSwitchUser, "needs root and setpriv"))
  func othersMayReadAndNotChange() throws {
    let harness = try Harness()
    let errors = try errors(harness, as: Self.nobody)
    for method in ControlMethod.allCases {
      let expected = method.right == .read ? "" : "io.staypos.Control.PermissionDenied"
      #expect(errors[method.rawValue] == expected, "\(method)")
    }
    let denied = harness.service.state.read { $0.denied }
    #expect(denied.map(\.0) == ControlMethod.allCases.filter { $0.right == .change })
    #expect(denied.allSatisfy { $0.1.uid == 65534 && $0.1.gid == 65534 && $0.1.pid > 1 })
    let state = harness.service.state.read { $0 }
    #expect(!state.isPaused && state.origin == .model && state.submitted.isEmpty && state.deleted.isEmpty)
  }

  /// As its primary group or as one among others.
  @Test(
    .enabled(if: canSwitchUser, "needs root and setpriv"),
    arguments: [
      ["--reuid=65534", "--regid=4242", "--clear-groups"], ["--reuid=65534", "--regid=65534", "--groups=1,4242,7"],
    ])
  func theAdminGroupMayChange(user: [String]) throws {
    let harness = try Harness(adminGroup: 4242)
    let errors = try errors(harness, as: user)
    #expect(!errors.values.contains("io.staypos.Control.PermissionDenied"))
    #expect(harness.service.state.read { $0.denied.isEmpty && $0.isPaused == false && $0.deleted.count == 1 })
  }

  @Test(.enabled(if: canSwitchUser, "needs root and setpriv"))
  func refusalsDoNotFloodTheJournal() throws {
    let harness = try Harness()
    for _ in 0..<5 { _ = try errors(harness, as: Self.nobody) }
    #expect(20...25 ~= harness.service.state.read { $0.denied.count })
  }

  @Test(.enabled(if: canSwitchUser, "needs root and setpriv"))
  func oneUserCannotTakeAllConnections() throws {
    let harness = try Harness()
    let script = """
      import socket, sys
      held = []
      for index in range(200):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(20); held.append(s)
      def served(s):
          try:
              s.sendall(b'{"method":"org.varlink.service.GetInfo"}\\0')
              return s.recv(10) != b""
          except OSError: return False
      print(sum(served(s) for s in held))
      """
    let result = try harness.run(
      "/usr/bin/setpriv", Self.nobody + ["/usr/bin/python3", "-c", script, harness.socket.string])
    #expect(result.output == "64\n", "\(result.errors)")
  }

  @Test(.enabled(if: canSwitchUser, "needs root and setpriv"))
  func usersWithoutRightsCannotLockOutThoseWhoHaveThem() throws {
    var limits = ConnectionLimits()
    limits.connections = 10
    limits.reserved = 2
    let harness = try Harness(limits: limits)
    let script = """
      import socket, subprocess, sys
      held = []
      for index in range(30):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(20); held.append(s)
      def served(s):
          try:
              s.sendall(b'{"method":"org.varlink.service.GetInfo"}\\0')
              return s.recv(10) != b""
          except OSError: return False
      print(sum(served(s) for s in held), flush=True)
      sys.stdin.readline()
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/setpriv")
    process.arguments = Self.nobody + ["/usr/bin/python3", "-c", script, harness.socket.string]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).first == "8")
    var client = try harness.client()
    #expect(try client.call(.getThreshold, replying: ThresholdReply.self).threshold.value == Threshold(0.5))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  @Test func groupsAreFoundByName() {
    #expect(ControlServer.groupID(named: "root") == 0)
    #expect(ControlServer.groupID(named: "no such group") == nil)
  }
}
