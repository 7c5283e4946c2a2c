import Filesystem
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

extension Configuration {
  /// Reads `file` and then `<its name>.d/*.toml` beside it in name order: later values win, `[[watch]]` tables add up.
  /// - Throws: ``ConfigurationError`` with file, line and column.
  package static func load(_ file: FilePath) throws(ConfigurationError) -> Configuration {
    var configuration = Configuration()
    try configuration.merge(try TableReader(file: file, text: try read(file)))
    for file in try dropIns(beside: file) {
      try configuration.merge(try TableReader(file: file, text: try read(file)))
    }
    try configuration.validate(file)
    return configuration
  }

  private static func read(_ file: FilePath) throws(ConfigurationError) -> String {
    guard let descriptor = try? FileDescriptor.open(file, .readOnly, options: .closeOnExec) else {
      throw ConfigurationError(
        file: file, message: "\(Errno(rawValue: errno)): create it, or name another with --config")
    }
    defer { try? descriptor.close() }
    var bytes: [UInt8] = []
    do {
      while true {
        let chunk = try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count throws in
          count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        if chunk.isEmpty { break }
        bytes += chunk
      }
    } catch {
      throw ConfigurationError(file: file, message: "\(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(file: file, message: "not UTF-8")
    }
    return text
  }

  private static func dropIns(beside file: FilePath) throws(ConfigurationError) -> [FilePath] {
    let directory = file.removingLastComponent().appending("\(file.stem ?? "").d")
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory.string)
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
      return []
    } catch {
      throw ConfigurationError(file: directory, message: "cannot be listed: \(error)")
    }
    return names.filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }.sorted().map { directory.appending($0) }
  }

  private mutating func merge(_ reader: TableReader) throws(ConfigurationError) {
    var top = reader
    for table in try top.tables("watch") { watch.append(try Self.watch(table)) }
    if let table = try top.table("detector") { try mergeDetector(table) }
    if var table = try top.table("policy") {
      mode = try table.choice("mode", PolicyMode.self) ?? mode
      try table.finish()
    }
    if var table = try top.table("quarantine") {
      quarantine.directory = try table.path("directory") ?? quarantine.directory
      quarantine.maxBytes = try table.integer("max_bytes", in: 0...Int.max).map(Int64.init) ?? quarantine.maxBytes
      quarantine.retentionDays = try table.integer("retention_days", in: 0...100_000) ?? quarantine.retentionDays
      try table.finish()
    }
    if var table = try top.table("state") {
      stateDirectory = try table.path("directory") ?? stateDirectory
      historyDays = try table.integer("history_days", in: 0...100_000) ?? historyDays
      try table.finish()
    }
    if var table = try top.table("control") {
      control.socket = try table.path("socket") ?? control.socket
      control.adminGroup = try table.string("admin_group") ?? control.adminGroup
      try table.finish()
    }
    try top.finish()
  }

  private static func watch(_ reader: TableReader) throws(ConfigurationError) -> Watch {
    var table = reader
    guard let path = try table.path("path") else {
      throw table.error(at: "watch", "a [[watch]] table needs `path`: the directory to watch")
    }
    var watch = Watch(path: path)
    watch.recursive = try table.bool("recursive") ?? watch.recursive
    watch.include = try table.strings("include") ?? watch.include
    if let milliseconds = try table.integer("settle_milliseconds", in: 0...3_600_000) {
      watch.settle = .milliseconds(milliseconds)
    }
    try table.finish()
    return watch
  }

  private mutating func mergeDetector(_ reader: TableReader) throws(ConfigurationError) {
    var table = reader
    detector.model = try table.path("model") ?? detector.model
    if let value = try table.number("threshold") {
      guard let threshold = Threshold(value) else {
        throw table.error(at: "threshold", "`threshold` is a probability: a number from 0 to 1")
      }
      detector.threshold = threshold
    }
    detector.precision = try table.choice("precision", Precision.self) ?? detector.precision
    detector.earlyExit = try table.bool("early_exit") ?? detector.earlyExit
    detector.workers = try table.integer("workers", in: 0...1024) ?? detector.workers
    if let seconds = try table.integer("timeout_seconds", in: 1...86_400) { detector.timeout = .seconds(seconds) }
    detector.limits.pixels = try table.integer("max_pixels", in: 1...Int(Int32.max)) ?? detector.limits.pixels
    detector.limits.bytes = try table.integer("max_file_bytes", in: 1...Int.max) ?? detector.limits.bytes
    try table.finish()
  }
}
