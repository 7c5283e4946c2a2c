import Foundation
import SystemPackage
import Testing

/// Tests/README.md says which test proves which of the 63 cases: the table and the tests' names have to agree.
@Suite struct PitfallTableTests {
  private struct NamedTest: Hashable {
    /// `Suite.function`: the file and the function.
    var name: String
    var number: Int
  }

  private static let folder = URL(filePath: BuiltExecutables.repository.appending("Tests").string)

  @Test("The table has every case once, with tests that exist and bear its number, and no test is left out")
  func table() throws {
    let text = try String(contentsOf: Self.folder.appending(path: "README.md"), encoding: .utf8)
    var listed: [NamedTest] = []
    var numbers: [Int] = []
    for line in text.split(separator: "\n") {
      guard let row = line.wholeMatch(of: /\| (\d+) \| (.+) \| (.+) \|/), let number = Int(row.1) else { continue }
      numbers.append(number)
      let names = row.3.matches(of: /`(\w+\.\w+)`/).map { String($0.1) }
      #expect(!names.isEmpty, "case \(number) has no test")
      listed += names.map { NamedTest(name: $0, number: number) }
    }
    #expect(numbers == Array(1...63))
    let present = try Self.tests()
    #expect(Set(listed).subtracting(present).map(\.name) == [], "in the table, but not a test with that number")
    #expect(present.subtracting(listed).map(\.name) == [], "a test with a number that is not in its row")
    #expect(listed.count == Set(listed).count)
  }

  /// Display names that begin with `Pitfall` and a number, or `Pitfalls` and several, and the functions that follow.
  private static func tests() throws -> Set<NamedTest> {
    var found: Set<NamedTest> = []
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for test in text.matches(of: #/"Pitfalls? ([\d, and]+): /#) {
        guard let function = text[test.range.upperBound...].firstMatch(of: /func (\w+)\(/) else { continue }
        let name = "\(file.deletingPathExtension().lastPathComponent).\(function.1)"
        for number in test.1.matches(of: /\d+/) {
          if let number = Int(number.0) { found.insert(NamedTest(name: name, number: number)) }
        }
      }
    }
    return found
  }
}
