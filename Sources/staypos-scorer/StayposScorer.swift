import ArgumentParser
import Filesystem
import Glibc
import Scoring
import StayposCore

@main
struct StayposScorer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "staypos-scorer",
    abstract: "Scores images for stayposd, locked up in a sandbox.",
    discussion: """
      stayposd starts this program and hands it a socket, the model and one image at a time. It is not for the command \
      line: to score files, use `staypos score FILE…`.
      """)

  @Option(name: .customLong("socket-fd"), help: .hidden)
  var socket: Int32?

  @Option(name: .customLong("model-fd"), help: .hidden)
  var model: Int32?

  @Option(help: .hidden)
  var precision: String = Precision.auto.rawValue

  @Option(help: .hidden)
  var threads: Int = 1

  @Option(name: .customLong("memory-limit"), help: .hidden)
  var memoryLimit: Int?

  func run() throws {
    guard let socket, let model, isSocket(socket), let precision = Precision(rawValue: precision), threads > 0 else {
      throw ValidationError("stayposd starts this program; to score files, use `staypos score FILE…`")
    }
    let server = ScorerServer(ScorerChannel(Descriptor(owning: socket)))
    var sandbox = Sandbox()
    sandbox.yieldProcessors()
    sandbox.dropPrivileges(threads: threads, memoryLimit: memoryLimit)
    sandbox.denyFiles()
    let scorer: ImageScorer
    do {
      scorer = try ImageScorer(model: model, precision: precision, threads: threads, memoryLimit: memoryLimit)
      _ = close(model)
      try scorer.warmUp()
    } catch {
      try server.refuse(error.description)
      return
    }
    sandbox.denySystemCalls(socket: socket, threads: threads)
    try server.run(ScorerHello(model: scorer.model, sandbox: sandbox.report)) { image, request in
      scorer.score(image, request)
    }
  }

  private func isSocket(_ descriptor: CInt) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
}
