import FoundationEssentials
import SystemPackage

extension FilePath {
  /// The path's bytes as the kernel sees them, without the terminating NUL. Linux paths need not be UTF-8.
  package var bytes: [UInt8] {
    withPlatformString { pointer in
      Array(UnsafeRawBufferPointer(start: pointer, count: length))
    }
  }

  /// - Parameter bytes: without NUL; nil if one is inside.
  package init?(bytes: some Sequence<UInt8>) {
    var terminated = bytes.map { CInterop.PlatformChar(bitPattern: $0) }
    guard !terminated.contains(0) else { return nil }
    terminated.append(0)
    self.init(platformString: terminated)
  }

  /// For people: control characters and bytes that are not UTF-8 as `\xNN`, the backslash doubled, the rest as it is.
  package var escaped: String {
    var text = ""
    var rest = bytes[...]
    while let byte = rest.first {
      let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
      let character = rest.prefix(length)
      if let scalar = String(validating: character, as: UTF8.self)?.unicodeScalars.first, character.count == length,
        scalar.isPrintable
      {
        text.unicodeScalars.append(scalar)
        if scalar == "\\" { text.append("\\") }
        rest = rest.dropFirst(length)
      } else {
        let digits = String(byte, radix: 16)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    return text
  }

  /// For JSON: the text (bytes that are not UTF-8 become U+FFFD) and, only then, the exact bytes in base 64.
  package var json: (path: String, pathBase64: String?) {
    let bytes = self.bytes
    if let exact = String(validating: bytes, as: UTF8.self) { return (exact, nil) }
    return (String(decoding: bytes, as: UTF8.self), Data(bytes).base64EncodedString())
  }

  /// Reads what ``json`` wrote.
  package init?(json path: String, base64: String?) {
    guard let base64 else {
      self.init(bytes: Array(path.utf8))
      return
    }
    guard let data = Data(base64Encoded: base64) else { return nil }
    self.init(bytes: data)
  }
}
