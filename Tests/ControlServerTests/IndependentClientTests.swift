import ControlInterface
import Foundation
import StayposCore
import SystemPackage
import Testing
import Threading

/// The `varlink` package from PyPI, which knows nothing of us but the socket.
struct IndependentClientTests {
  /// `make test-dependencies` makes it.
  private static let python = Harness.repository.appending(path: ".build-venv/bin/python").path

  static var hasPackage: Bool {
    let library = Harness.repository.appending(path: ".build-venv/lib")
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: library.path)) ?? []
    return versions.contains { version in
      FileManager.default.fileExists(atPath: library.appending(path: "\(version)/site-packages/varlink").path)
    }
  }

  @Test(.enabled(if: hasPackage, "needs the PyPI package varlink in .build-venv (make test-dependencies)"))
  func introspectsReadsChangesAndWatches() throws {
    let harness = try Harness()
    let script = Harness.repository.appending(path: "Tests/Support/varlink_client.py").path
    let result = try harness.run(
      Self.python, [script, harness.socket.string, QuarantineID(at: FakeService.time, random: 5).description])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.last == "all is well")
    #expect(harness.service.state.read { $0.threshold } == 0.25)
  }
}
