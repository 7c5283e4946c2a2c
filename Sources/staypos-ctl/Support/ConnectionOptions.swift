import ArgumentParser
import ControlInterface
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

/// What every subcommand takes.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The daemon's control socket. Default: STAYPOS_SOCKET, or else \(ControlInterface.defaultSocket).",
      valueName: "path"),
    completion: .file(), transform: FilePath.init(checkedArgument:))
  var socket: FilePath?

  @Flag(help: "Print JSON: one object, or one object a line.")
  var json = false

  /// Connects and runs `body`; what goes wrong is said on standard error and becomes the exit status.
  func withClient(
    _ body: (inout ControlClient, Printer) throws(ControlClientError) -> Void
  ) throws {
    do throws(ControlClientError) {
      var client = try ControlClient(socket: try path())
      try body(&client, Printer(json: json))
    } catch {
      writeError(error.message)
      throw error.code == .unreachable ? ExitCode(2) : ExitCode.failure
    }
  }

  private func path() throws(ControlClientError) -> FilePath {
    if let socket { return socket }
    if let value = getenv("STAYPOS_SOCKET"), value.pointee != 0 { return FilePath(platformString: value) }
    return FilePath(ControlInterface.defaultSocket)
  }
}

/// One line to standard error. A message may repeat words of the daemon or of a file.
func writeError(_ message: String) {
  writeAll(STDERR_FILENO, "staypos-ctl: \(message.controlEscaped)\n")
}

/// Past any buffer, so that a reader sees a line as soon as it is there. A reader that has gone ends the process
/// (SIGPIPE), as with any filter.
func writeAll(_ descriptor: CInt, _ text: String) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count < 0 {
      if errno == EINTR { continue }
      exit(EXIT_FAILURE)
    }
    rest = rest.dropFirst(count)
  }
}

extension FilePath {
  /// As given.
  init(checkedArgument argument: String) throws {
    guard let path = FilePath(argument: argument), !path.isEmpty else { throw ValidationError("an empty path") }
    self = path
  }

  /// The daemon has another working directory: relative paths are made absolute here, without following anything.
  init(absoluteArgument argument: String) throws {
    let path = try FilePath(checkedArgument: argument)
    guard path.isRelative else {
      self = path
      return
    }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else {
      throw ValidationError("the working directory is gone: give an absolute path")
    }
    self = FilePath(platformString: buffer).pushing(path)
  }
}
