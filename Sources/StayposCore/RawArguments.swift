import Glibc
import SystemPackage

/// The process's arguments without loss. `CommandLine.arguments` replaces what is not UTF-8, so that a file of such a
/// name could not be found any more.
///
/// Bytes that are not UTF-8 travel through the argument parser as private-use characters, one for each byte, and
/// ``FilePath/init(argument:)`` turns them back. These characters themselves, should somebody use them in a name, are
/// carried the same way, so that the mapping is exact both ways.
package enum RawArguments {
  /// U+F780…U+F7FF stand for the bytes 0x80…0xFF.
  private static let offset: UInt32 = 0xF700
  private static let carriers: ClosedRange<UInt32> = 0xF780...0xF7FF

  /// The arguments after the program's name.
  package static var current: [String] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map { pointer in
        carried(UnsafeBufferPointer(start: pointer, count: strlen(pointer)).map { UInt8(bitPattern: $0) })
      }
    }
  }

  /// What stands for these bytes in an argument.
  package static func carried(_ bytes: [UInt8]) -> String {
    var text = ""
    var rest = bytes[...]
    while let byte = rest.first {
      let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
      let character = rest.prefix(length)
      if let scalar = String(validating: character, as: UTF8.self)?.unicodeScalars.first, character.count == length,
        !carriers.contains(scalar.value)
      {
        text.unicodeScalars.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        // Never nil: private-use characters are scalars. A byte below 0x80 is its own character above.
        text.unicodeScalars.append(UnicodeScalar(offset + UInt32(byte)) ?? "\u{FFFD}")
        rest = rest.dropFirst()
      }
    }
    return text
  }

  /// The bytes that ``carried(_:)`` was given.
  package static func bytes(of argument: String) -> [UInt8] {
    argument.unicodeScalars.flatMap { scalar in
      carriers.contains(scalar.value) ? [UInt8(scalar.value - offset)] : Array(UTF8.encode(scalar) ?? .init())
    }
  }
}

extension FilePath {
  /// A path out of an argument of ``RawArguments``.
  package init?(argument: String) {
    self.init(bytes: RawArguments.bytes(of: argument))
  }
}
