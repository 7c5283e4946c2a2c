import Filesystem
import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import staypos

/// What keeps scores between runs.
@Suite struct ScoreCacheTests {
  private let directory = TemporaryDirectory()
  private var path: FilePath { directory.path("scores.csv") }
  private let identity: FileIdentity

  init() throws {
    let file = directory.path("image")
    try Data("pixels".utf8).write(to: URL(filePath: file.string))
    identity = try Candidate(opening: file).status.identity
  }

  private func text() throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path.string)), as: UTF8.self)
  }

  private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path.string)) }

  private func fill(_ names: [String]) throws {
    let cache = try ScoreCache(path)
    for (index, name) in names.enumerated() { try cache.add(FilePath(name), identity, logit: Double(index) + 0.5) }
  }

  /// A run that is killed while it opens the file loses nothing: nothing is written then.
  @Test func openingLeavesTheFileAsItIs() throws {
    try fill(["a.png", "with, comma.png"])
    let before = try text()
    let past = Date(timeIntervalSince1970: 1_000_000)
    try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path.string)
    let cache = try ScoreCache(path)
    #expect(cache.logit("a.png", identity) == 0.5 && cache.logit("with, comma.png", identity) == 1.5)
    #expect(cache.logit("b.png", identity) == nil)
    let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
    #expect(attributes[.modificationDate] as? Date == past)
    #expect(try text() == before)
  }

  @Test func aTornLineAloneIsRemoved() throws {
    try fill(["a.png", "b.png"])
    let whole = try text()
    let header = whole.prefix { $0 != "\n" } + "\n"
    for end in 0..<whole.utf8.count {
      let part = String(decoding: Array(whole.utf8)[..<end], as: UTF8.self)
      try write(part)
      let known = try ScoreCache(path)
      let kept = part.lastIndex(of: "\n").map { String(part[...$0]) } ?? String(header)
      #expect(try text() == kept, "\(end) bytes")
      #expect((known.logit("a.png", identity) != nil) == (kept.count > header.count))
    }
  }

  /// What somebody else wrote is not overwritten.
  @Test(arguments: [
    "filename,typ\na.png,real\n", "notes", "filename,bytes,modified,logit\na.png,x,1.0,0.5\n",
    "filename,bytes,modified,logit\na.png,1\nb.png,1,1.0,0.5\n",
  ])
  func anotherFileIsRefused(_ content: String) throws {
    try write(content)
    #expect(throws: (any Error).self) { try ScoreCache(path) }
    #expect(try text() == content)
  }

  @Test func linesOfSeveralThreadsStayWhole() throws {
    do {
      let cache = try ScoreCache(path)
      DispatchQueue.concurrentPerform(iterations: 400) { index in
        try? cache.add(FilePath("image \(index).png"), identity, logit: Double(index))
      }
    }
    let cache = try ScoreCache(path)
    #expect((0..<400).allSatisfy { cache.logit(FilePath("image \($0).png"), identity) == Double($0) })
    #expect(try text().split(separator: "\n").count == 401)
  }

  @Test func oneRunAtATime() throws {
    let first = try ScoreCache(path)
    #expect(throws: Failure.self) { try ScoreCache(path) }
    try first.add("a.png", identity, logit: 1)
  }
}
