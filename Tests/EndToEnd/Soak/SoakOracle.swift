import Foundation
import Glibc
import SystemPackage

/// Judges what many writers have left: knows the accounts of all contents, and looks at the disk, the history and the log.
///
/// Who wrote when, and what the daemon did in between, nobody can say; what must be true all the same: each content that is
/// still there has as many names as its account allows, its bytes, the right place (flagged ones in the quarantine, all
/// others where their writers have put them) and the right verdict; each object in the quarantine has one verdict; each
/// verdict has one journal entry; and nothing else is anywhere.
struct SoakOracle {
  let daemon: RunningDaemon
  /// Everything beside the quarantine where files may lie.
  let outside: FilePath
  let accounts: [SoakLedger.Account]
  /// Where what is not flagged, or was restored, lies.
  let places: [FilePath: SoakContent]
  private(set) var problems: [String] = []
  /// Contents found, by number: how often among the uploads or outside, and in the quarantine.
  private var found: [Int: (uploads: Int, outside: Int, quarantine: Int)] = [:]
  private(set) var digests: [String: SoakContent] = [:]

  init(_ daemon: RunningDaemon, outside: FilePath, accounts: [SoakLedger.Account], places: [FilePath: SoakContent]) {
    self.daemon = daemon
    self.outside = outside
    self.accounts = accounts
    self.places = places
  }

  /// - Parameter history: as `staypos-ctl history --json` gives it.
  mutating func judge(history: [[String: Any]], log: String) throws {
    try lookAtPlaces()
    let objects = try lookAtQuarantine()
    compareAccounts()
    judgeHistory(history, objects)
    let entries = log.split(separator: "\n").count { $0.contains("  verdict=") && !$0.contains(" error: ") }
    if entries != history.count { problems.append("\(history.count) verdicts and \(entries) journal entries") }
  }

  private func content(_ path: FilePath) throws -> SoakContent? {
    let bytes = try contents(of: path)
    guard let number = SoakContent.number(in: bytes), accounts.indices.contains(number) else { return nil }
    let content = accounts[number].content
    return try content.bytes() == bytes ? content : nil
  }

  private mutating func lookAtPlaces() throws {
    var files: [FilePath: SoakContent] = [:]
    for directory in [daemon.uploads, outside] {
      for path in Self.files(below: directory) {
        guard let content = try content(path) else {
          problems.append("\(path) is not what anybody wrote")
          continue
        }
        files[path] = content
        let isOutside = directory == outside
        found[content.number, default: (0, 0, 0)].uploads += isOutside ? 0 : 1
        found[content.number, default: (0, 0, 0)].outside += isOutside ? 1 : 0
        let name = path.lastComponent?.string ?? ""
        // What was moved by mistake and given back finds its name taken now and then.
        if !content.isFlagged, places[path] != content, !name.hasPrefix("restored-") {
          problems.append("\(path) has \(content), not \(places[path].map { "\($0)" } ?? "nothing")")
        }
      }
    }
    problems += places.filter { files[$0.key] != $0.value }.map { "\($0.key) has not got \($0.value)" }
    try collectDigests(files)
  }

  /// - Returns: the objects by their ids.
  private mutating func lookAtQuarantine() throws -> [String: SoakContent] {
    var objects: [String: SoakContent] = [:]
    var files: [FilePath: SoakContent] = [:]
    let names = try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string)
    for name in names.sorted() {
      if name.hasSuffix(".json"), names.contains(String(name.dropLast(5))) {
        let object = try QuarantinedObject(daemon.quarantine.appending(String(name.dropLast(5))))
        if object.state != "quarantined" { problems.append("\(name) says \(object.state)") }
        guard let content = try content(object.file) else {
          problems.append("\(object.file) of \(object.path) is not what anybody wrote")
          continue
        }
        found[content.number, default: (0, 0, 0)].quarantine += 1
        objects[String(name.dropLast(5))] = content
        files[object.file] = content
        if !content.isFlagged { problems.append("\(content) of \(object.path) is in the quarantine") }
      } else if !names.contains("\(name).json") {
        problems.append("\(name) is left over in the quarantine")
      }
    }
    try collectDigests(files)
    for (file, content) in files where digests[try QuarantinedObject(file).sha256] != content {
      problems.append("\(file): a false digest")
    }
    return objects
  }

  private mutating func compareAccounts() {
    for account in accounts {
      let (uploads, outside, quarantine) = found[account.content.number] ?? (0, 0, 0)
      if !account.range.contains(uploads + outside + quarantine) {
        problems.append("\(account): \(uploads) among the uploads, \(outside) outside, \(quarantine) in the quarantine")
      }
      if account.content.isFlagged, !account.isRestored, uploads > 0 {
        problems.append("\(account.content) is flagged and lies among the uploads")
      }
    }
  }

  private mutating func judgeHistory(_ history: [[String: Any]], _ objects: [String: SoakContent]) {
    var judged: Set<Int> = []
    var ids: [String: Int] = [:]
    for entry in history {
      let verdict = entry["verdict"] as? String ?? "?"
      if let id = entry["quarantineId"] as? String { ids[id, default: 0] += 1 }
      if let probability = entry["probability"] as? Double, let threshold = entry["threshold"] as? Double,
        entry["allowed"] as? Bool == false, verdict != (probability >= threshold ? "flagged" : "clear")
      {
        problems.append("\(verdict) with \(probability) at \(threshold)")
      }
      // What changed or went while it was looked at has a digest and no verdict on its content.
      guard let digest = entry["sha256"] as? String, let content = digests[digest],
        !["unstable", "vanished"].contains(entry["reason"] as? String ?? "")
      else { continue }
      judged.insert(content.number)
      if verdict != content.verdict {
        problems.append("\(content) was \(verdict) \(entry["reason"] ?? ""): \(entry["detail"] ?? "")")
      }
    }
    problems += ids.filter { $0.value > 1 }.map { "\($0.key) has \($0.value) verdicts" }
    problems += objects.keys.filter { ids[$0] == nil }.map { "\($0) has no verdict" }
    problems += found.filter { $0.value.uploads + $0.value.quarantine > 0 && !judged.contains($0.key) }
      .map { "\(accounts[$0.key].content) has no verdict" }
  }

  /// By coreutils.
  private mutating func collectDigests(_ files: [FilePath: SoakContent]) throws {
    let paths = Array(files.keys)
    for start in stride(from: 0, to: paths.count, by: 500) {
      let batch = Array(paths[start..<min(start + 500, paths.count)])
      let output = try SystemTool.run("/usr/bin/sha256sum", ["--zero", "--"] + batch.map(\.string))
      for (path, line) in zip(batch, output.split(separator: "\0")) { digests[String(line.prefix(64))] = files[path] }
    }
  }

  private static func files(below directory: FilePath) -> [FilePath] {
    let walk = FileManager.default.enumerator(atPath: directory.string)
    var files: [FilePath] = []
    while let name = walk?.nextObject() as? String {
      let path = directory.appending(name)
      var status = stat()
      if lstat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG { files.append(path) }
    }
    return files
  }
}
