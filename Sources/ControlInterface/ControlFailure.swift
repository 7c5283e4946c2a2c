/// Why a call was not done, as the other side gets to know it: a Varlink error.
package enum ControlFailure: Error, Sendable, Equatable {
  /// There is nothing under this id, digest or path. The message names it.
  case notFound(String)
  /// The peer may read, not change.
  case permissionDenied(String)
  /// Understood and not done, or tried and failed. The message says why and what to do.
  case refused(String)
  /// The parameter of this name is missing, has the wrong type or an impossible value.
  case invalidParameter(String)
  case methodNotFound(String)
  case methodNotImplemented(String)
  case interfaceNotFound(String)
  /// The method streams and was called without `more`.
  case expectedMore

  /// Qualified name and parameters on the wire.
  package var error: VarlinkError {
    switch self {
    case .notFound(let message): .init("io.staypos.Control.NotFound", ["message": message])
    case .permissionDenied(let message): .init("io.staypos.Control.PermissionDenied", ["message": message])
    case .refused(let message): .init("io.staypos.Control.Refused", ["message": message])
    case .invalidParameter(let name): .init("org.varlink.service.InvalidParameter", ["parameter": name])
    case .methodNotFound(let name): .init("org.varlink.service.MethodNotFound", ["method": name])
    case .methodNotImplemented(let name): .init("org.varlink.service.MethodNotImplemented", ["method": name])
    case .interfaceNotFound(let name): .init("org.varlink.service.InterfaceNotFound", ["interface": name])
    case .expectedMore: .init("org.varlink.service.ExpectedMore", [:])
    }
  }

  /// Reads what ``error`` wrote; nil for errors that staypos does not send.
  package init?(_ error: VarlinkError) {
    func text(_ key: String) -> String { error.parameters?[key] ?? "" }
    switch error.error {
    case "io.staypos.Control.NotFound": self = .notFound(text("message"))
    case "io.staypos.Control.PermissionDenied": self = .permissionDenied(text("message"))
    case "io.staypos.Control.Refused": self = .refused(text("message"))
    case "org.varlink.service.InvalidParameter": self = .invalidParameter(text("parameter"))
    case "org.varlink.service.MethodNotFound": self = .methodNotFound(text("method"))
    case "org.varlink.service.MethodNotImplemented": self = .methodNotImplemented(text("method"))
    case "org.varlink.service.InterfaceNotFound": self = .interfaceNotFound(text("interface"))
    case "org.varlink.service.ExpectedMore": self = .expectedMore
    default: return nil
    }
  }

  /// For people.
  package var message: String {
    switch self {
    case .notFound(let message), .permissionDenied(let message), .refused(let message): message
    case .invalidParameter(let name): "the parameter '\(name)' is missing or has an impossible value"
    case .methodNotFound(let name), .methodNotImplemented(let name):
      "the daemon does not know '\(name)': its version differs from this program's"
    case .interfaceNotFound(let name): "the service on this socket does not speak '\(name)': is it stayposd's?"
    case .expectedMore: "the method streams its replies: call it with 'more'"
    }
  }
}

/// An error reply as it travels.
package struct VarlinkError: Codable, Sendable, Equatable {
  package var error: String
  /// Every error that staypos sends has text parameters only.
  package var parameters: [String: String]?

  package init(_ error: String, _ parameters: [String: String]) {
    self.error = error
    self.parameters = parameters
  }
}
