import CLinux
import Glibc
import SystemPackage

extension Descriptor {
  /// A file in memory with this content, sealed: nobody changes it any more (memfd_create(2)).
  ///
  /// - Parameter name: shows in /proc; nothing depends on it.
  package static func sealedMemory(named name: String, _ content: [UInt8]) throws(FilesystemError) -> Descriptor {
    let file = Descriptor(owning: try systemCall { clinux_memory_file(name) }.orThrow("make a file in memory"))
    try file.writeAll(content)
    try systemCall { clinux_seal(file.rawValue) }.orThrow("seal a file in memory")
    return file
  }

  /// Whether it is a file in memory that nobody can change.
  package var isSealed: Bool { clinux_is_sealed(rawValue) }

  /// Of the same open file.
  package func duplicate() throws(FilesystemError) -> Descriptor {
    Descriptor(owning: try systemCall { fcntl(rawValue, F_DUPFD_CLOEXEC, 3) }.orThrow("duplicate a descriptor"))
  }
}
