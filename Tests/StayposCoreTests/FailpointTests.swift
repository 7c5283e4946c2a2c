#if DEBUG
  import Foundation
  import SystemPackage
  import Testing

  @testable import StayposCore

  @Suite struct FailpointTests {
    @Test("The list names every failpoint of the sources, and no other")
    func list() throws {
      let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
      var found: [String: Set<String>] = [:]
      let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
      while let file = files?.nextObject() as? URL {
        guard file.pathExtension == "swift" else { continue }
        let text = try String(contentsOf: file, encoding: .utf8)
        for call in text.matches(of: /\b(?:Failpoint\.(hit|pass)|Self\.step)\("([^"]+)"\)/) {
          found[String(call.1 ?? "hit"), default: []].insert(String(call.2))
        }
      }
      #expect(found["hit"] == Failpoint.steps)
      #expect(found["pass"] == Failpoint.moments)
      #expect(Failpoint.steps.isDisjoint(with: Failpoint.moments))
    }

    @Test("An order names a point, an action and a turn")
    func orders() {
      #expect(
        FailpointPlan.orders("take.moved:kill,restore.moved:28:3") == [
          .init(name: "take.moved", errno: nil, turn: 1), .init(name: "restore.moved", errno: .noSpace, turn: 3),
        ])
      #expect(FailpointPlan.orders("") == [])
      for text in [
        "nowhere:kill", "take.moved", "take.moved:die", "take.moved:0", "take.moved:kill:0", "take.moved:kill:x",
        "take.moved:kill:1:1", "take.recorded:5",
      ] {
        #expect(FailpointPlan.orders(text) == nil, "\(text)")
      }
    }
  }
#endif
