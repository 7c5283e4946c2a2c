import FoundationEssentials
import StayposCore
import SystemPackage
import Testing

@testable import Daemon

@Suite struct ConfigurationTests {
  private let directory: FilePath

  init() throws {
    directory = FilePath("/tmp/staypos-configuration-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
  }

  private func load(_ text: String, dropIns: [String: String] = [:]) throws -> Configuration {
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let file = directory.appending("stayposd.toml")
    try Data(text.utf8).write(to: URL(filePath: file.string))
    for (name, text) in dropIns {
      let folder = directory.appending("stayposd.d")
      try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(filePath: folder.appending(name).string))
    }
    return try Configuration.load(file)
  }

  @Test func everythingThatCanBeSaid() throws {
    let configuration = try load(
      """
      [[watch]]
      path = "/srv/uploads/"
      recursive = false
      include = ["*.jpg"]
      settle_milliseconds = 0

      [[watch]]
      path = "/srv/more"

      [detector]
      model = "/m.safetensors"
      threshold = 1          # a whole number is a number too
      precision = "fp32"
      early_exit = true
      workers = 3
      timeout_seconds = 7
      max_pixels = 1_000
      max_file_bytes = 2_000

      [policy]
      mode = "observe"
      [quarantine]
      directory = "/q"
      max_bytes = 5
      retention_days = 6
      [state]
      directory = "/s"
      history_days = 9
      [control]
      socket = "/c.sock"
      admin_group = "wheel"
      """)
    #expect(configuration.watch.count == 2)
    #expect(configuration.watch[0].path == "/srv/uploads")
    #expect(configuration.watch[0].recursive == false)
    #expect(configuration.watch[0].include == ["*.jpg"])
    #expect(configuration.watch[0].settle == .zero)
    #expect(configuration.watch[1].settle == .milliseconds(500))
    #expect(configuration.historyDays == 9)
    #expect(configuration.detector.threshold == Threshold(1))
    #expect(configuration.detector.precision == .fp32)
    #expect(configuration.detector.earlyExit)
    #expect(configuration.detector.workers == 3)
    #expect(configuration.detector.timeout == .seconds(7))
    #expect(configuration.detector.limits == ImageLimits(bytes: 2_000, pixels: 1_000))
    #expect(configuration.mode == .observe)
    #expect(configuration.quarantine == .init(directory: "/q", maxBytes: 5, retentionDays: 6))
    #expect(configuration.stateDirectory == "/s")
    #expect(configuration.control == .init(socket: "/c.sock", adminGroup: "wheel"))
  }

  @Test func dropInsComeLaterInNameOrder() throws {
    let configuration = try load(
      "[[watch]]\npath = \"/a\"\n[detector]\nthreshold = 0.1\nworkers = 1",
      dropIns: [
        "20.toml": "[detector]\nthreshold = 0.3", "10.toml": "[detector]\nthreshold = 0.2\n[[watch]]\npath = \"/b\"",
        "ignored.txt": "nonsense",
      ])
    #expect(configuration.detector.threshold == Threshold(0.3))
    #expect(configuration.detector.workers == 1)
    #expect(configuration.watch.map(\.path) == ["/a", "/b"])
  }

  @Test func quotesAndCommentsHoldAnyCharacter() throws {
    let text = "\u{FEFF}[['watch']] # é\n\"path\" = \"\"\"/é\"\"\" # é\r\ninclude = ['é\\', \"é\\\"é\", \"\", '''é''']"
    let configuration = try load(text)
    #expect(configuration.watch.map(\.path) == ["/é"])
    #expect(configuration.watch.map(\.include) == [["é\\", "é\"é", "", "é"]])
  }

  @Test(arguments: [
    ("[[watch]]\npath = \"/a\"\nrecursiv = true", 3, 1, "unknown key `recursiv`"),
    ("[[watch]]\npath = \"/a\"\n[[watch]]\n  path = 7", 4, 3, "`path` must be an absolute path"),
    ("[[watch]]\npath = \"a\"", 2, 1, "`path` must be an absolute path"),
    ("[detector]\nthreshold = \"high\"", 2, 1, "`threshold` must be a number"),
    ("[detector]\nthreshold = nan", 2, 1, "from 0 to 1"),
    ("[detector]\nthreshold = 1.5", 2, 1, "from 0 to 1"),
    ("[detector]\nworkers = -1", 2, 1, "whole number from 0"),
    ("[policy]\nmode = \"maybe\"", 2, 1, "one of \"enforce\", \"observe\""),
    ("[detectr]\nthreshold = 1", 1, 2, "unknown key `detectr`"),
    ("[detector\n", 1, nil, ""),
    ("[detector]\n[[[", 2, 3, "a table's name"),
    ("\t[ =]", 1, 4, "a table's name"),
    ("[\n", 1, 2, "a table's name"),
    ("\r\n\r\n[[é]]", 3, 3, "a table's name"),
    ("\u{A0}[$]", 1, nil, "a table's name"),
    ("\u{B}[#]", 1, nil, "a table's name"),
    ("é = 1", 1, 1, "beyond ASCII"),
    ("[detector]\n# é\u{2028}é", 2, 4, "beyond ASCII"),
    ("a = 'é' é", 1, 9, "beyond ASCII"),
    (#"a = "\"é""# + "\nb = \"\"\"\n\"\"é\\\\é\"\"\"\"\"\nc =\u{A0}1", 4, 4, "beyond ASCII"),
    ("x = [1, \u{85}2]", 1, 9, "beyond ASCII"),
    ("[detector]\nthreshold = 1\"é\"", 2, 14, ""),
    ("x = [[1979-05-27T:00Z]]", 1, 10, "date"),
    ("[detector]\nthreshold = 07:32", 2, 14, "date"),
    ("x = [\"a\", # \n }", 2, 2, "a value or ]"),
    ("x = {a = [}", 1, 11, "a value or ]"),
    ("[[", 1, nil, ""),
  ])
  func mistakesHaveTheirPlace(text: String, line: Int, column: Int?, message: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try load(text) }
    #expect(error.line == line)
    if let column { #expect(error.column == column) }
    #expect(error.description.contains(message), "\(error)")
  }

  /// Behind a backslash at a line's end, toml++ asks of every character whether it is white space.
  @Test func whiteSpace() throws {
    let spaces: Set<UInt32> = Set([0xA0, 0x1680, 0x180E, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0x85, 0x2028, 0x2029])
      .union(0x2000...0x200B)
    let values = [0x80...0xD7FF, 0xE000...0xFFFF, 0x1F000...0x1FFFF].joined() as FlattenSequence<[ClosedRange<UInt32>]>
    let letters = values.filter { !spaces.contains($0) }.compactMap(UnicodeScalar.init).map(String.init)
    let text = "[[watch]]\npath = \"/a\"\ninclude = [\"\"\"" + letters.joined(separator: "\\\n ") + "\"\"\"]"
    #expect(try load(text).watch.map(\.include) == [[letters.joined()]])
  }

  @Test(arguments: [
    ("", "nothing to watch"),
    ("[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/a/\"", "watched twice"),
    ("[[watch]]\npath = \"/q/x\"\n[quarantine]\ndirectory = \"/q\"", "lies inside [quarantine] directory"),
    ("[[watch]]\npath = \"/s\"\n[state]\ndirectory = \"/s\"", "lies inside [state] directory"),
  ])
  func contradictionsAreRefused(text: String, message: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try load(text) }
    #expect(error.message.contains(message), "\(error)")
  }

  @Test func aMissingFileSaysWhatToDo() throws {
    let error = try #require(throws: ConfigurationError.self) { try Configuration.load("/nowhere/stayposd.toml") }
    #expect(error.description.contains("--config"), "\(error)")
  }
}
