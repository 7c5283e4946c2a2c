import Filesystem
import Foundation
import Glibc
import Hashing
import Quarantining
import StayposCore
import SystemPackage

/// Two places of a test's own: uploads on /tmp, and a quarantine on the same file system or on /dev/shm.
final class Bench: Sendable {
  let uploads: FilePath
  let base: FilePath
  var quarantinePath: FilePath { base.appending("quarantine") }

  init(crossDevice: Bool = false) throws {
    uploads = try Self.temporary("/tmp")
    base = try Self.temporary(crossDevice ? "/dev/shm" : "/tmp")
  }

  /// Over directories that another process made.
  init(uploads: FilePath, base: FilePath) {
    self.uploads = uploads
    self.base = base
  }

  func remove() {
    for path in [uploads, base] { try? FileManager.default.removeItem(atPath: path.string) }
  }

  static func temporary(_ parent: String) throws -> FilePath {
    var template = Array("\(parent)/staypos-quarantine-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    return FilePath(platformString: template)
  }

  func quarantine(maxBytes: Int64 = 0) throws -> Quarantine {
    try Quarantine(directory: quarantinePath, maxBytes: maxBytes)
  }

  /// Names in the quarantine directory.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: quarantinePath.string).sorted()
  }
  func uploadNames() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: uploads.string).sorted() }
}

/// /tmp and /dev/shm are different file systems here; without that the copying half cannot be tested.
let hasTwoFilesystems: Bool = {
  var (one, other) = (stat(), stat())
  let different = stat("/tmp", &one) == 0 && stat("/dev/shm", &other) == 0 && one.st_dev != other.st_dev
  if !different { print("skipping: /tmp and /dev/shm are one file system") }
  return different
}()

let isRoot: Bool = {
  if geteuid() != 0 { print("skipping: needs root") }
  return geteuid() == 0
}()

let bytes = Array("not really an image".utf8)

@discardableResult
func put(_ path: FilePath, _ content: [UInt8] = bytes) throws -> FilePath {
  let descriptor = try FileDescriptor.open(
    path, .writeOnly, options: [.create, .exclusiveCreate], permissions: [.ownerReadWrite, .groupRead])
  try descriptor.closeAfter { _ = try descriptor.writeAll(content) }
  return path
}

func content(_ path: FilePath) -> [UInt8]? {
  guard let descriptor = try? FileDescriptor.open(path, .readOnly) else { return nil }
  defer { try? descriptor.close() }
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  guard let count = try? buffer.withUnsafeMutableBytes({ try descriptor.read(into: $0) }) else { return nil }
  return Array(buffer.prefix(count))
}

func status(_ path: FilePath) throws -> FileStatus { try RegularFile(opening: path).status }

let model = QuarantineRecord.Model(name: "test", sha256: SHA256Digest(hashing: [1]))
let score = Score(realScore: 0, fakeScore: 2, bias: 0.25)

extension Quarantine {
  /// Opens the file and takes it, as the daemon does, with `between` after it was scored.
  @discardableResult
  func take(_ path: FilePath, between: () throws -> Void = {}) throws -> QuarantineRecord {
    let file = try RegularFile(opening: path)
    let digest = try SHA256Digest(contentsOf: file.descriptor.rawValue)
    try between()
    return try take(
      path: path, file: file.descriptor, identity: file.status.identity, sha256: digest, score: score,
      threshold: Threshold(0.5)!, model: model, time: Timestamp(seconds: 1_790_000_000, nanoseconds: 1))
  }
}

func code(_ body: () throws -> Void) -> QuarantineError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? QuarantineError)?.code
  }
}

func run(_ command: String, _ arguments: [String]) throws -> Int32 {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [command] + arguments
  process.standardError = FileHandle.nullDevice
  process.standardOutput = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  return process.terminationStatus
}

func append(_ path: FilePath, _ content: [UInt8] = [1]) throws {
  let file = try FileDescriptor.open(path, .writeOnly, options: .append)
  _ = try file.closeAfter { try file.writeAll(content) }
}

func setAttribute(_ name: String, _ value: [UInt8], of path: FilePath) throws {
  let file = try RegularFile(opening: path)
  try file.descriptor.setExtendedAttribute(ExtendedAttribute(name: Array(name.utf8), value: value))
}

/// From now on this process has no RENAME_NOREPLACE, as on NFS: a filter of system calls answers EINVAL.
func forgetNoReplace() -> Bool {
  #if arch(x86_64)
    let (rename, control, filter) = (316, 157, 317)
  #else
    let (rename, control, filter) = (276, 167, 277)
  #endif
  typealias Call = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int
  guard let symbol = dlsym(nil, "syscall") else { return false }
  let call = unsafeBitCast(symbol, to: Call.self)
  /// bpf(2)'s classic instructions: code, jumps if true and if false, operand.
  func instruction(_ code: Int, _ yes: Int, _ no: Int, _ operand: Int) -> UInt64 {
    UInt64(code | yes << 16 | no << 24 | operand << 32)
  }
  // Is it renameat2, and has its fifth argument RENAME_NOREPLACE?
  let program = [
    instruction(0x20, 0, 0, 0), instruction(0x15, 0, 3, rename), instruction(0x20, 0, 0, 48),
    instruction(0x45, 0, 1, 1), instruction(0x06, 0, 0, 0x5_0000 | Int(EINVAL)), instruction(0x06, 0, 0, 0x7FFF_0000),
  ]
  return program.withUnsafeBufferPointer { instructions in
    withUnsafePointer(to: (UInt16(instructions.count), instructions.baseAddress)) { pointer in
      // PR_SET_NO_NEW_PRIVS; SECCOMP_SET_MODE_FILTER for all threads.
      call(control, 38, 1, 0, 0, 0) == 0 && call(filter, 1, 1, Int(bitPattern: pointer), 0, 0) == 0
    }
  }
}

/// More, and more of them, than are recorded.
let memoryTakesAttributes: Bool = {
  let path = FilePath("/dev/shm/staypos-attributes-\(getpid())")
  guard (try? put(path)) != nil else { return false }
  defer { unlink(path.string) }
  let value = [UInt8](repeating: 7, count: 4000)
  return (0..<300).allSatisfy { (try? setAttribute("user.\($0)", value, of: path)) != nil }
}()

/// unshare(2) with CLONE_NEWNS, which Swift's Glibc module does not show.
func unshareMounts() -> Bool {
  typealias Function = @convention(c) (CInt) -> CInt
  guard let symbol = dlsym(nil, "unshare") else { return false }
  return unsafeBitCast(symbol, to: Function.self)(0x0002_0000) == 0
}
