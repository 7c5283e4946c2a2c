import CLinux
import Foundation
import Glibc
import Synchronization
import SystemPackage

/// Plays the service manager for a daemon: takes its notifications, keeps the descriptors that it hands over (FDSTORE=1)
/// and passes them to the next process.
final class ServiceManager: Sendable {
  private struct State {
    var kept: [(name: String, descriptor: CInt)] = []
    var readies = 0
  }

  private let directory: FilePath
  private let notify: CInt
  private let store: CInt
  /// Ends the thread when it is closed.
  private let end: CInt
  private let state = Mutex(State())

  /// For ``RunningDaemon``.
  var launcher: [String] {
    [
      "/usr/bin/python3", BuiltExecutables.repository.appending("Tests/Support/pass_descriptors.py").string,
      directory.appending("store").string, directory.appending("notify").string,
    ]
  }

  init() throws {
    directory = FilePath("/tmp/staypos-manager.\(UUID())")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    notify = try Self.bind(SOCK_DGRAM, directory.appending("notify"))
    store = try Self.bind(SOCK_SEQPACKET, directory.appending("store"))
    guard listen(store, 8) == 0 else { throw Errno(rawValue: errno) }
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
    for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    end = ends[1]
    let (notify, store, stop) = (self.notify, self.store, ends[0])
    Thread.detachNewThread { [weak self] in
      var sources = [notify, store, stop].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      while poll(&sources, 3, -1) > 0, sources[2].revents == 0 {
        if sources[0].revents != 0 { self?.receive() }
        if sources[1].revents != 0 { self?.pass() }
      }
      for descriptor in [notify, store, stop] { close(descriptor) }
    }
  }

  deinit {
    close(end)
    state.withLock { for (_, descriptor) in $0.kept { close(descriptor) } }
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  /// How often a process said READY=1.
  var readies: Int { state.withLock { $0.readies } }

  var names: [String] { state.withLock { $0.kept.map(\.name).sorted() } }

  /// Of the file that is kept under a name.
  func content(of name: String) -> Data {
    state.withLock { state in
      guard let descriptor = state.kept.first(where: { $0.name == name })?.descriptor else { return Data() }
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      let count = pread(descriptor, &bytes, bytes.count, 0)
      return Data(bytes.prefix(max(count, 0)))
    }
  }

  /// Bytes of the map of watches that is kept, and how many directories are in it; zeros without one.
  var map: (bytes: Int, directories: Int) {
    state.withLock { state in
      guard let descriptor = state.kept.first(where: { $0.name == "watch-map" })?.descriptor else { return (0, 0) }
      var status = stat()
      // Behind sixteen bytes and a version (WatchMap).
      var count: UInt32 = 0
      guard fstat(descriptor, &status) == 0, pread(descriptor, &count, 4, 20) == 4 else { return (0, 0) }
      return (Int(status.st_size), Int(UInt32(littleEndian: count)))
    }
  }

  /// As systemd reads them: FDSTOREREMOVE=1 or FDSTORE=1, each with FDNAME=.
  private func receive() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    var descriptor: CInt = -1
    let count = clinux_receive_message(notify, &bytes, bytes.count, &descriptor)
    guard count > 0 else { return }
    let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    let name = lines.first { $0.hasPrefix("FDNAME=") }.map { String($0.dropFirst(7)) } ?? "stored"
    state.withLock { state in
      if lines.contains("READY=1") { state.readies += 1 }
      if lines.contains("FDSTOREREMOVE=1") {
        for kept in state.kept where kept.name == name { close(kept.descriptor) }
        state.kept.removeAll { $0.name == name }
      } else if lines.contains("FDSTORE=1"), descriptor >= 0 {
        // The same open file is kept once.
        if !state.kept.contains(where: { $0.name == name && name == "watch-queue" }) {
          state.kept.append((name, descriptor))
          descriptor = -1
        }
      }
    }
    if descriptor >= 0 { close(descriptor) }
  }

  private func pass() {
    let connection = accept(store, nil, nil)
    guard connection >= 0 else { return }
    defer { close(connection) }
    state.withLock { state in
      for (name, descriptor) in state.kept {
        _ = clinux_send_message(connection, name, name.utf8.count, descriptor)
      }
    }
  }

  private static func bind(_ type: __socket_type, _ path: FilePath) throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(type.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8.prefix($0.count - 1)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
    return descriptor
  }
}
