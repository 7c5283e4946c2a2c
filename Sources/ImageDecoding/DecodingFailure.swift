import CImageCodecs
import StayposCore

/// Why there is no image, in the terms of the verdict `not-scored`.
package struct DecodingFailure: Error, Hashable, CustomStringConvertible {
  /// One of `empty`, `unsupportedFormat`, `corrupt`, `truncated`, `tooLarge`, `outOfMemory`, `ioError`.
  package var reason: NotScoredReason
  /// One line for people, for example libpng's own words.
  package var detail: String

  package init(reason: NotScoredReason, detail: String) {
    self.reason = reason
    self.detail = detail
  }

  package var description: String { "\(reason.rawValue): \(detail)" }

  init(_ failure: sp_failure) {
    let reason: NotScoredReason =
      switch failure.status {
      case .SP_EMPTY: .empty
      case .SP_UNSUPPORTED_FORMAT: .unsupportedFormat
      case .SP_TRUNCATED: .truncated
      case .SP_TOO_LARGE: .tooLarge
      case .SP_OUT_OF_MEMORY: .outOfMemory
      case .SP_IO_ERROR: .ioError
      case .SP_OK, .SP_CORRUPT: .corrupt
      }
    self.init(reason: reason, detail: failure.text)
  }
}

extension sp_failure {
  /// The message; bytes that are not UTF-8 become U+FFFD.
  var text: String {
    withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
