import CLinux
import Foundation
import Glibc
import StayposCore
import SystemPackage

/// What a file has besides its bytes and its name: what stat(1) and getfattr(1) show.
struct FileAttributes: Equatable, CustomStringConvertible {
  /// `0o7777`
  var mode: UInt32
  var uid: UInt32
  var gid: UInt32
  /// Nanoseconds since 1970.
  var modified: Int
  /// With the ACL.
  var extended: [String: Data]

  init(mode: UInt32, uid: UInt32, gid: UInt32, modified: Int, extended: [String: Data]) {
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.modified = modified
    self.extended = extended
  }

  init(of path: FilePath) throws {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
    var names = [CChar](repeating: 0, count: 1 << 16)
    let length = max(path.withPlatformString { llistxattr($0, &names, names.count) }, 0)
    var extended: [String: Data] = [:]
    for name in names.prefix(length).split(separator: 0) {
      var value = [UInt8](repeating: 0, count: 1 << 16)
      let terminated = name + [0]
      let size = path.withPlatformString { path in
        terminated.withContiguousStorageIfAvailable { lgetxattr(path, $0.baseAddress, &value, value.count) } ?? -1
      }
      let key = String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if size >= 0 { extended[key] = Data(value.prefix(size)) }
    }
    self.init(
      mode: status.st_mode & 0o7777, uid: status.st_uid, gid: status.st_gid,
      modified: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec, extended: extended)
  }

  var description: String {
    "\(String(mode, radix: 8)) \(uid):\(gid) \(modified) "
      + extended.map { "\($0.key)=\(Array($0.value))" }.sorted().joined(separator: ",")
  }
}

/// An object of the quarantine and its record, read as anybody would read them.
struct QuarantinedObject {
  var file: FilePath
  var path: FilePath
  var state: String
  var size: Int
  var sha256: String
  var attributes: FileAttributes
  /// The whole record.
  var record: [String: Any]

  var bytes: Data? { try? contents(of: file) }

  /// - Parameter file: the object; its record lies beside it.
  init(_ file: FilePath) throws {
    func refuse(_ key: String) -> RunningDaemon.Failure { .init("\(file).json has no good \(key)") }
    let json = try Data(contentsOf: URL(filePath: "\(file).json"))
    guard let record = try JSONSerialization.jsonObject(with: json) as? [String: Any] else { throw refuse("object") }
    guard let path = FilePath(json: record["path"] as? String ?? "", base64: record["pathBase64"] as? String),
      let state = record["state"] as? String, let size = record["size"] as? Int,
      let sha256 = record["sha256"] as? String
    else { throw refuse("path, state, size or sha256") }
    guard let mode = record["mode"] as? UInt32, let uid = record["uid"] as? UInt32, let gid = record["gid"] as? UInt32,
      let modified = (record["modified"] as? [String: Any])?["nanoseconds"] as? Int,
      let list = record["attributes"] as? [[String: Any]]
    else { throw refuse("mode, owner, time or attributes") }
    let extended = list.compactMap { attribute -> (String, Data)? in
      guard let name = attribute["name"] as? String, let value = attribute["valueBase64"] as? String else { return nil }
      return Data(base64Encoded: value).map { (name, $0) }
    }
    self.file = file
    self.path = path
    self.state = state
    self.size = size
    self.sha256 = sha256
    self.record = record
    attributes = FileAttributes(
      mode: mode, uid: uid, gid: gid, modified: modified, extended: Dictionary(uniqueKeysWithValues: extended))
  }
}

/// All bytes of a file whose name may be any bytes.
func contents(of path: FilePath) throws -> Data {
  let file = try FileDescriptor.open(path, .readOnly)
  return try file.closeAfter {
    var bytes = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}

/// A tool of the system, run to its end.
enum SystemTool {
  /// - Returns: its output and error output.
  /// - Throws: if it does not exit with 0.
  @discardableResult
  static func run(_ tool: String, _ arguments: [String], environment: [String: String]? = nil) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = arguments
    if let environment { process.environment = environment }
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw RunningDaemon.Failure("\(tool) \(arguments.joined(separator: " ")): \(text)")
    }
    return text
  }

  static func exists(_ tools: String...) -> Bool { tools.allSatisfy { access($0, X_OK) == 0 } }
}
