import COneDNN

/// Why a network could not be built or run.
package struct NetworkError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The image is smaller than the network can reduce.
    case imageTooSmall
    /// The memory limit or the machine's memory does not suffice.
    case outOfMemory
    /// A parameter has the wrong number of values, or BatchNorm statistics that cannot be folded.
    case badParameters
    /// Nothing on this processor computes in the wanted type.
    case unsupported
    /// oneDNN refused.
    case library
  }

  package var code: Code
  /// What was tried, and what to do about it.
  package var message: String
  /// oneDNN's `dnnl_status_t`; nil if the error is not the library's.
  package var status: UInt32?

  init(_ code: Code, _ message: String, status: UInt32? = nil) {
    self.code = code
    self.message = message
    self.status = status
  }

  package var description: String {
    status.map { "\(message) (oneDNN status \($0))" } ?? message
  }
}

/// Throws unless oneDNN's call succeeded.
func check(_ status: dnnl_status_t, _ action: @autoclosure () -> String) throws(NetworkError) {
  switch status {
  case dnnl_success: return
  case dnnl_out_of_memory:
    throw NetworkError(.outOfMemory, "not enough memory: \(action())", status: UInt32(status.rawValue))
  default:
    throw NetworkError(.library, "cannot \(action())", status: UInt32(status.rawValue))
  }
}
