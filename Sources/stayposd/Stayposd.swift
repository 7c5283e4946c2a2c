import ArgumentParser
import Daemon
import StayposCore
import SystemPackage

@main
struct Stayposd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stayposd",
    abstract: "Keep AI-generated images out of upload directories.",
    discussion: """
      Watches directories, scores every new image with a positive-head detector and moves flagged files to a \
      quarantine. Runs in the foreground, until SIGTERM or SIGINT; SIGHUP reloads the configuration. See stayposd(8) \
      and stayposd.toml(5); staypos-ctl(1) steers a running daemon.
      """,
    version: "stayposd \(StayposVersion.current)")

  /// EX_CONFIG of sysexits(3): the unit does not restart after it.
  private static let unusableConfiguration: Int32 = 78

  @Option(name: .long, help: "The configuration file.")
  var config = "/etc/staypos/stayposd.toml"

  @Flag(name: .long, help: "Validate configuration and model, say what would run, and exit.")
  var check = false

  func run() throws {
    let file = FilePath(config)
    do {
      if check {
        for line in try StayposDaemon.check(configuration: file) { print(line) }
      } else {
        try StayposDaemon.run(configuration: file)
      }
    } catch let error as StartError {
      if check { _ = try? FileDescriptor.standardError.writeAll("stayposd: \(error)\n".utf8) }
      throw error.cause == .configuration ? ExitCode(Self.unusableConfiguration) : .failure
    }
  }
}
