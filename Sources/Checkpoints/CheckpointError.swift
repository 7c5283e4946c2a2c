import SystemPackage

/// Why a checkpoint cannot be read or written. Names the file, the tensor and what is wrong with it.
package struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// open(2), fstat(2), mmap(2) or write(2) failed: see `errno`.
    case system
    /// A directory, device, FIFO or socket.
    case notARegularFile = "not-a-regular-file"
    /// Shorter than its own header says, or than any header.
    case truncated
    /// The header breaks the format's rules.
    case malformed
    /// A format, or a variant of one, that is not read.
    case unsupportedFormat = "unsupported-format"
    /// A pickle that does something else than hold values.
    case refused
    /// No tensor of that name.
    case missingTensor = "missing-tensor"
    /// The tensor's type cannot be used for this.
    case unsupportedType = "unsupported-type"
    /// What a writer was given does not fit together.
    case invalidInput = "invalid-input"
  }

  package var code: Code
  /// nil for a file that came as a descriptor without a name.
  package var file: FilePath?
  package var tensor: String?
  /// What is wrong, and what to do where there is something to do.
  package var message: String
  package var errno: Errno?

  package init(
    _ code: Code, _ message: String, file: FilePath? = nil, tensor: String? = nil, errno: Errno? = nil
  ) {
    self.code = code
    self.file = file
    self.tensor = tensor
    self.message = message
    self.errno = errno
  }

  package var description: String {
    var text = file.map { "\(escaped($0.string, asASCII: false)): " } ?? ""
    if let tensor { text += "tensor \(quoted(tensor)): " }
    text += message
    if let errno { text += ": \(errno)" }
    return text
  }

  /// The same error, said about `file`.
  func about(_ file: FilePath?) -> CheckpointError {
    var error = self
    error.file = file
    return error
  }
}

/// A name out of a file, fit for a terminal and a journal: escaped, in quotes, at most 100 characters of it.
func quoted(_ name: String) -> String {
  let shown = String(String.UnicodeScalarView(name.unicodeScalars.prefix(100)))
  return "\"\(escaped(shown, asASCII: true))\(name.unicodeScalars.count > 100 ? "…" : "")\""
}

private func escaped(_ text: String, asASCII: Bool) -> String {
  text.unicodeScalars.map { $0.escaped(asASCII: asASCII) }.joined()
}
