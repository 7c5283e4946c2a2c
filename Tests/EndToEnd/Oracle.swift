import Foundation
import Glibc
import StayposCore
import SystemPackage
import Testing

/// Judges a daemon by what is left in the end. It knows the files that were dropped, and looks at the upload directories,
/// the quarantine with its records, the history and the log with eyes of its own: each file once in its place or in the
/// quarantine, bytes and attributes intact, one verdict, one journal entry, and nothing else anywhere.
final class Oracle {
  /// What becomes of a file.
  enum Fate {
    case inPlace
    case quarantined
    /// Replaced or deleted by whoever owns it, or by a command.
    case gone
  }

  /// How many journal lines a verdict has: a daemon that was killed may not have got round to it.
  enum Journal {
    case one
    case atMostOne
  }

  struct Delivery {
    /// Under which the verdict is given.
    var path: FilePath
    /// Where the file lies in the end, if somebody has moved it since.
    var place: FilePath
    var bytes: Data
    /// nil: nobody has looked.
    var attributes: FileAttributes?
    /// `flagged`, `clear` or `not-scored: reason`; empty: it must not have any.
    var verdicts: [String]
    var fate: Fate
  }

  let daemon: RunningDaemon
  /// Seen from here.
  let quarantine: FilePath
  private(set) var deliveries: [Delivery] = []
  private let roots: [FilePath]

  /// - Parameters:
  ///   - quarantine: if it is not where the daemon's configuration says, seen from here.
  ///   - roots: everything that is watched; nil: the daemon's uploads.
  init(_ daemon: RunningDaemon, quarantine: FilePath? = nil, roots: [FilePath]? = nil) {
    self.daemon = daemon
    self.quarantine = quarantine ?? daemon.quarantine
    self.roots = roots ?? [daemon.uploads]
  }

  // MARK: Dropping

  /// Makes a file outside, looks at it, and moves it in.
  /// - Parameters:
  ///   - name: below the uploads.
  ///   - prepare: gives it attributes.
  @discardableResult
  func deliver(
    _ bytes: Data, as name: String, verdict: String, prepare: (FilePath) throws -> Void = { _ in }
  ) throws -> FilePath {
    let outside = daemon.directory.appending("outside-\(UUID())")
    try daemon.drop(bytes, at: outside)
    try prepare(outside)
    let attributes = try FileAttributes(of: outside)
    let path = daemon.uploads.appending(name)
    try FileManager.default.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    guard rename(outside.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    expect(bytes, at: path, verdict: verdict, attributes: attributes)
    return path
  }

  /// One of the samples with a comment of its own, so that nobody knows its bytes.
  @discardableResult
  func deliver(sample: String, as name: String, prepare: (FilePath) throws -> Void = { _ in }) throws -> FilePath {
    try deliver(
      try SampleVariants.variant(of: sample, "\(name) \(deliveries.count)"), as: name,
      verdict: SampleVariants.flagged.contains(sample) ? "flagged" : "clear", prepare: prepare)
  }

  /// A file that came in another way.
  /// - Parameter fate: nil: as the verdict says.
  func expect(
    _ bytes: Data, at path: FilePath, verdict: String?, fate: Fate? = nil, attributes: FileAttributes? = nil
  ) {
    deliveries.append(
      Delivery(
        path: path, place: path, bytes: bytes, attributes: attributes, verdicts: verdict.map { [$0] } ?? [],
        fate: fate ?? (verdict == "flagged" ? .quarantined : .inPlace)))
  }

  /// Somebody did something to the file that was delivered last under a path.
  func change(_ path: FilePath, _ change: (inout Delivery) -> Void) {
    guard let index = deliveries.lastIndex(where: { $0.path == path }) else {
      Issue.record("nothing was delivered at \(path)")
      return
    }
    change(&deliveries[index])
  }

  func change(at index: Int, _ change: (inout Delivery) -> Void) { change(&deliveries[index]) }

  // MARK: Judging

  /// Waits until all is quiet, stops the daemon and judges it.
  /// - Parameter context: for the message: a seed.
  /// - Returns: what is wrong, recorded as an issue already.
  @discardableResult
  func judge(
    _ context: String = "", journal: Journal = .one, barrier: Bool = true, within seconds: Double = 180,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [String] {
    try await settle(context, barrier: barrier, within: seconds)
    let history = try await daemon.history()
    var problems = try problemsOnDisk(history)
    #expect(try daemon.stop() == 0, sourceLocation: sourceLocation)
    problems += problemsInLog(daemon.text(daemon.log), journal)
    #expect(
      problems == [], "\(context)\(problems.isEmpty ? "" : daemon.text(daemon.log).suffix(3000))",
      sourceLocation: sourceLocation)
    return problems
  }

  /// Waits until all is quiet.
  func settle(_ context: String = "", barrier: Bool = true, within seconds: Double = 180) async throws {
    let wanted = deliveries.map(\.verdicts.count).reduce(0, +)
    _ = try await daemon.eventually("\(context) \(wanted) verdicts", within: seconds) {
      try daemon.verdictCount() >= wanted ? true : nil
    }
    if barrier {
      try deliver(Data("barrier".utf8), as: "barrier-\(UUID())", verdict: "not-scored: unsupported-format")
      _ = try await daemon.verdict(on: try #require(deliveries.last).path)
    }
    try await daemon.emptyQueue()
  }

  /// Everything but the log.
  /// - Parameter history: as `staypos-ctl history --json` gives it.
  func problemsOnDisk(_ history: [[String: Any]]) throws -> [String] {
    var problems: [String] = []
    var digests = Digests()
    for place in roots { try collect(place, &digests.files) }
    let inPlace = deliveries.filter { $0.fate == .inPlace }
    let files = Set(digests.files)
    let expected = Set(inPlace.map(\.place))
    problems += files.subtracting(expected).map { "nobody dropped \($0)" }
    problems += expected.subtracting(files).filter { !daemon.exists($0) }.map { "\($0) is gone" }
    for delivery in inPlace where daemon.exists(delivery.place) {
      if try contents(of: delivery.place) != delivery.bytes {
        problems.append("\(delivery.place) has other bytes")
      }
      if let attributes = delivery.attributes, try FileAttributes(of: delivery.place) != attributes {
        problems.append("\(delivery.place) has other attributes: \(try FileAttributes(of: delivery.place))")
      }
    }
    problems += try problemsInQuarantine(&digests)
    problems += try problemsInHistory(history, digests)
    return problems
  }

  private func problemsInQuarantine(_ digests: inout Digests) throws -> [String] {
    var problems: [String] = []
    var objects: [FilePath: [QuarantinedObject]] = [:]
    let names = daemon.exists(quarantine) ? try FileManager.default.contentsOfDirectory(atPath: quarantine.string) : []
    for name in names.sorted() {
      if name.hasSuffix(".json"), names.contains(String(name.dropLast(5))) {
        let object = try QuarantinedObject(quarantine.appending(String(name.dropLast(5))))
        if object.state != "quarantined" { problems.append("\(name) says \(object.state)") }
        objects[object.path, default: []].append(object)
        digests.files.append(object.file)
      } else if !names.contains("\(name).json") {
        problems.append("\(name) is left over in the quarantine")
      }
    }
    for delivery in deliveries where delivery.fate == .quarantined {
      // A file that was renamed on its way is recorded under its last name.
      guard
        let index = objects[delivery.place]?.firstIndex(where: {
          $0.size == delivery.bytes.count && $0.bytes == delivery.bytes
        }),
        let object = objects[delivery.place]?.remove(at: index)
      else {
        problems.append("\(delivery.place) is not in the quarantine, or not with its bytes")
        continue
      }
      if let attributes = delivery.attributes, object.attributes != attributes {
        problems.append("the record of \(delivery.place) has other attributes: \(object.attributes)")
      }
      digests.recorded[object.file] = object.sha256
    }
    problems += objects.values.joined().map { "\($0.path) is in the quarantine once too often" }
    return problems
  }

  private func problemsInHistory(_ history: [[String: Any]], _ digests: Digests) throws -> [String] {
    var problems: [String] = []
    let given = Dictionary(grouping: history, by: \.path)
    let wanted = Dictionary(grouping: deliveries, by: \.path)
    for path in Set(given.keys).union(wanted.keys) {
      let actual = (given[path] ?? []).map(\.verdict).sorted()
      let expected = (wanted[path] ?? []).flatMap(\.verdicts).sorted()
      if actual != expected { problems.append("\(path): verdicts \(actual), not \(expected)") }
    }
    // By coreutils: what a record and the history say of the bytes is true.
    let inPlace = Dictionary(grouping: deliveries.filter { $0.fate == .inPlace }, by: \.place)
    for (file, digest) in try digests.computed() {
      if let recorded = digests.recorded[file], recorded != digest { problems.append("\(file): a false digest") }
      for delivery in inPlace[file] ?? [] {
        for verdict in delivery.verdicts {
          let isTrue = (given[delivery.path] ?? []).contains {
            $0.verdict == verdict && $0["sha256"] as? String == digest
          }
          if !isTrue { problems.append("\(file): no verdict \(verdict) on these bytes") }
        }
      }
    }
    return problems
  }

  func problemsInLog(_ log: String, _ journal: Journal) -> [String] {
    var given: [String: [String]] = [:]
    for line in log.split(separator: "\n") {
      guard let (path, verdict) = LogLine.verdict(line) else { continue }
      given[path, default: []].append(verdict)
    }
    // A name with control characters is escaped in the log; JournalTests reads those back.
    let plain = deliveries.filter { $0.path.isPlainText }
    var problems: [String] = []
    for (path, deliveries) in Dictionary(grouping: plain, by: \.path.string) {
      let expected = deliveries.flatMap(\.verdicts).sorted()
      let actual = (given[path] ?? []).sorted()
      var rest = expected
      let isSubset = actual.allSatisfy { verdict in rest.firstIndex(of: verdict).map { rest.remove(at: $0) } != nil }
      if !isSubset || journal == .one && !rest.isEmpty {
        problems.append("\(path): journal entries \(actual), not \(expected)")
      }
    }
    return problems
  }

  /// All regular files below a directory; nothing is followed.
  private func collect(_ directory: FilePath, _ files: inout [FilePath]) throws {
    guard let stream = opendir(directory.string) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard name != [0x2E], name != [0x2E, 0x2E], let component = FilePath(bytes: name) else { continue }
      let path = directory.pushing(component)
      guard path != quarantine, path != daemon.state else { continue }
      var status = stat()
      guard path.withPlatformString({ lstat($0, &status) }) == 0 else { continue }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try collect(path, &files)
      case S_IFREG: files.append(path)
      default: break
      }
    }
  }
}

/// SHA-256 of files, by coreutils.
private struct Digests {
  var files: [FilePath] = []
  /// What records say.
  var recorded: [FilePath: String] = [:]

  func computed() throws -> [FilePath: String] {
    // A name that is not UTF-8 cannot be given to Foundation; its bytes were compared.
    let paths = files.filter { String(validating: $0.bytes, as: UTF8.self) != nil }
    var result: [FilePath: String] = [:]
    for start in stride(from: 0, to: paths.count, by: 500) {
      let batch = Array(paths[start..<min(start + 500, paths.count)])
      let output = try SystemTool.run("/usr/bin/sha256sum", ["--zero", "--"] + batch.map(\.string))
      for (path, line) in zip(batch, output.split(separator: "\0")) { result[path] = String(line.prefix(64)) }
    }
    return result
  }
}

extension [String: Any] {
  /// Of a line of the history.
  fileprivate var path: FilePath {
    FilePath(json: self["path"] as? String ?? "", base64: self["pathBase64"] as? String) ?? ""
  }

  fileprivate var verdict: String {
    let reason = (self["reason"] as? String).map { ": \($0)" } ?? ""
    return "\(self["verdict"] as? String ?? "?")\(reason)"
  }
}

extension FilePath {
  fileprivate var isPlainText: Bool { bytes.allSatisfy { 0x20..<0x7F ~= $0 && $0 != 0x5C } }
}

/// One line of the daemon's log.
private enum LogLine {
  /// `TIME LEVEL: MESSAGE: PATH  verdict=… reason=…`; nil for any other. What failed (level `error`) is no verdict.
  static func verdict(_ line: Substring) -> (path: String, verdict: String)? {
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count == 3, words[1] != "error:", let end = line.firstRange(of: "  verdict="),
      let start = line[..<end.lowerBound].firstRange(of: ": /")
    else { return nil }
    let details = line[end.upperBound...].split(separator: " ")
    let reason = details.first { $0.hasPrefix("reason=") }.map { ": \($0.dropFirst(7))" } ?? ""
    return (String(line[line.index(start.lowerBound, offsetBy: 2)..<end.lowerBound]), "\(details[0])\(reason)")
  }
}
