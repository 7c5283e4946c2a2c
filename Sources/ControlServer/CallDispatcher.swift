import ControlInterface
import StayposCore
import SystemPackage

/// Finds out what a call wants, checks rights and parameters, and asks the service.
struct CallDispatcher {
  let service: any ControlService
  /// Of staypos, for `GetInfo`.
  let version: String
  /// Is told of every change that was refused for want of rights.
  let denied: (ControlMethod) -> Void

  /// Throws only for what is no Varlink call at all: then there is nobody to answer.
  func header(of message: [UInt8]) throws -> VarlinkCallHeader {
    try VarlinkMessage.decode(VarlinkCallHeader.self, from: message)
  }

  func outcome(of header: VarlinkCallHeader, message: [UInt8], from access: Access) -> CallOutcome {
    do throws(ControlFailure) {
      guard let dot = header.method.lastIndex(of: ".") else { throw .methodNotFound(header.method) }
      let interface = header.method[..<dot]
      let name = String(header.method[header.method.index(after: dot)...])
      switch interface {
      case VarlinkService.interfaceName[...]:
        return try introspection(name, message)
      case ControlInterface.name[...]:
        guard let method = ControlMethod(rawValue: name) else { throw .methodNotFound(header.method) }
        guard access.allows(method) else {
          denied(method)
          throw .permissionDenied(
            "\(name) needs root or membership in the daemon's admin_group (you are uid \(access.peer.uid))")
        }
        let call = Call(message: message, more: header.more ?? false, peer: access.peer)
        switch method.right {
        case .read: return try read(method, call)
        case .change: return try change(method, call)
        }
      default:
        throw .interfaceNotFound(String(interface))
      }
    } catch {
      return .reply(Reply.encode(error))
    }
  }

  /// A call whose method is known and allowed.
  struct Call {
    let message: [UInt8]
    let more: Bool
    let peer: Peer

    func parameters<Parameters: Decodable>(
      _ type: Parameters.Type = Parameters.self
    ) throws(ControlFailure) -> Parameters {
      do {
        return try VarlinkMessage.decode(VarlinkCallParameters<Parameters>.self, from: message).parameters
      } catch let error as DecodingError {
        throw .invalidParameter(error.parameterName)
      } catch {
        throw .invalidParameter("parameters")
      }
    }
  }

  private func introspection(_ name: String, _ message: [UInt8]) throws(ControlFailure) -> CallOutcome {
    switch name {
    case "GetInfo":
      return .reply(
        Reply.encode(
          VarlinkService.Info(
            vendor: "staypos", product: "stayposd", version: version, url: "man:stayposd(8)",
            interfaces: [VarlinkService.interfaceName, ControlInterface.name])))
    case "GetInterfaceDescription":
      let call = Call(message: message, more: false, peer: Peer(uid: 0, gid: 0, pid: 0))
      let wanted = try call.parameters(VarlinkService.DescriptionCall.self).interface
      let text =
        switch wanted {
        case VarlinkService.interfaceName: VarlinkService.description
        case ControlInterface.name: ControlInterface.description
        default: throw .interfaceNotFound(wanted)
        }
      return .reply(Reply.encode(VarlinkService.DescriptionReply(description: text)))
    default:
      throw .methodNotFound("\(VarlinkService.interfaceName).\(name)")
    }
  }
}

extension DecodingError {
  /// The parameter at fault, as a dotted path.
  fileprivate var parameterName: String {
    let (path, missing): ([any CodingKey], (any CodingKey)?) =
      switch self {
      case .keyNotFound(let key, let context): (context.codingPath, key)
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        (context.codingPath, nil)
      @unknown default: ([], nil)
      }
    let names = (path.map(\.stringValue) + (missing.map { [$0.stringValue] } ?? [])).filter { $0 != "parameters" }
    return names.isEmpty ? "parameters" : names.joined(separator: ".")
  }
}
