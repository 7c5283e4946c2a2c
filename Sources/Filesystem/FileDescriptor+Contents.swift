import SystemPackage

extension FileDescriptor {
  /// All bytes from the current position on: also of a pipe, or of a file in /proc.
  /// - Parameter limit: reading ends with the first byte beyond it, so that a longer file is told from one that fits.
  package func contents(limit: Int = .max) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit, case let count = try chunk.withUnsafeMutableBytes({ try read(into: $0) }), count > 0 {
      bytes += chunk[..<count]
    }
    return bytes
  }
}

extension FilePath {
  package func contents(limit: Int = .max) throws -> [UInt8] {
    let file = try FileDescriptor.open(self, .readOnly, options: .closeOnExec)
    return try file.closeAfter { try file.contents(limit: limit) }
  }
}
