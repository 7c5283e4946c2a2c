import CLinux
import Glibc
import StayposCore
import SystemPackage

/// One extended attribute, byte-exact. POSIX ACLs are `system.posix_acl_access` and `system.posix_acl_default`.
package struct ExtendedAttribute: Hashable, Sendable {
  /// With its namespace, without NUL.
  package var name: [UInt8]
  package var value: [UInt8]

  package init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}

extension Descriptor {
  /// Extended attributes that the process may see; none where the file system has none.
  ///
  /// - Parameter limit: bytes of names and values together. What does not fit is left out, ACLs last.
  /// - Returns: also whether these are all of them.
  package func extendedAttributes(
    limit: Int
  ) throws(FilesystemError) -> (attributes: [ExtendedAttribute], areAll: Bool) {
    var names: [[UInt8]]
    var areAll = true
    switch sized({ flistxattr(rawValue, $0, $1) }) {
    case .success(let list): names = list.split(separator: 0).map(Array.init)
    case .failure(Errno(rawValue: EOPNOTSUPP)): return ([], true)
    // More names than the kernel lists (64 KiB); one that is known can be asked for.
    case .failure(Errno(rawValue: E2BIG)):
      names = [Array("system.posix_acl_access".utf8)]
      areAll = false
    case .failure(let errno): throw FilesystemError(errno: errno, operation: "list extended attributes")
    }
    _ = names.partition { !$0.starts(with: "system.".utf8) }
    var attributes: [ExtendedAttribute] = []
    var left = limit
    for name in names {
      do throws(FilesystemError) {
        guard let value = try extendedAttribute(name) else { continue }
        if name.count + value.count <= left {
          attributes.append(ExtendedAttribute(name: name, value: value))
          left -= name.count + value.count
        } else {
          areAll = false
        }
      } catch {
        guard error.code == .tooLarge else { throw error }
        areAll = false
      }
    }
    return (attributes, areAll)
  }

  /// The value of one extended attribute; nil if there is none of that name.
  ///
  /// - Throws: `too-large`: more than the kernel hands out (64 KiB).
  package func extendedAttribute(_ name: [UInt8]) throws(FilesystemError) -> [UInt8]? {
    let terminated = name.map { CChar(bitPattern: $0) } + [0]
    switch sized({ fgetxattr(rawValue, terminated, $0, $1) }) {
    case .success(let value): return value
    case .failure(Errno(rawValue: ENODATA)), .failure(Errno(rawValue: EOPNOTSUPP)): return nil
    case .failure(let errno): throw FilesystemError(errno: errno, operation: "read an extended attribute")
    }
  }

  package func setExtendedAttribute(_ attribute: ExtendedAttribute) throws(FilesystemError) {
    let terminated = attribute.name.map { CChar(bitPattern: $0) } + [0]
    try attribute.value.withUnsafeBytes { value in
      systemCall { fsetxattr(rawValue, terminated, value.baseAddress, value.count, 0) }
    }.orThrow("set an extended attribute")
  }

  package func setOwner(uid: UInt32, gid: UInt32) throws(FilesystemError) {
    try systemCall { fchown(rawValue, uid, gid) }.orThrow("change the owner")
  }

  /// - Parameter mode: permission bits, `0o7777`.
  package func setMode(_ mode: UInt32) throws(FilesystemError) {
    try systemCall { fchmod(rawValue, mode) }.orThrow("change the mode")
  }

  /// The time of last modification; the access time stays.
  package func setModified(_ time: Timestamp) throws(FilesystemError) {
    let (quotient, remainder) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    // Before 1970 the remainder is negative, which futimens(2) does not take.
    let seconds = remainder < 0 ? quotient - 1 : quotient
    let nanoseconds = UInt32(remainder < 0 ? remainder + 1_000_000_000 : remainder)
    try systemCall { clinux_set_modified(rawValue, seconds, nanoseconds) }.orThrow("change the modification time")
  }

  /// Asks for the size, then for the bytes; again if it grew in between.
  private func sized<Element: BitwiseCopyable>(
    _ call: (UnsafeMutablePointer<Element>?, Int) -> Int
  ) -> Result<[UInt8], Errno> {
    while true {
      switch systemCall({ call(nil, 0) }) {
      case .failure(let errno): return .failure(errno)
      case .success(let size):
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 1)
        defer { buffer.deallocate() }
        let result = systemCall { call(buffer.baseAddress?.assumingMemoryBound(to: Element.self), size) }
        switch result {
        case .failure(Errno(rawValue: ERANGE)): continue
        case .failure(let errno): return .failure(errno)
        // Size 0 asks for the size again: an attribute that was empty and no longer is.
        case .success(let count) where count > size: continue
        case .success(let count): return .success(Array(buffer[..<count]))
        }
      }
    }
  }
}
