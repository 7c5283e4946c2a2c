import ArgumentParser
import ControlInterface
import StayposCore

@main
enum Main {
  static func main() {
    // Paths need not be UTF-8: the parser sees a text that turns back into the exact bytes.
    StayposCtl.main(RawArguments.current)
  }
}

struct StayposCtl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "staypos-ctl",
    abstract: "Ask stayposd what it does, and steer it.",
    discussion: """
      On a terminal, lists are aligned tables with colour (NO_COLOR switches it off). Otherwise every entry is a line of
      fields with a tab between them, without a heading. With --json, a single thing is one object and a list is one
      object a line.

      Exit status: 0 done, 1 refused or failed, 2 the daemon cannot be reached, 64 wrong usage.
      """,
    version: StayposVersion.current,
    subcommands: [
      Status.self, ThresholdCommand.self, Pause.self, Resume.self, Reload.self, Rescan.self, Submit.self, Queue.self,
      History.self, Show.self, Quarantine.self, Allow.self, MonitorCommand.self,
    ])

  /// Before the subcommand or after it: the parser hands one group to the whole chain of commands.
  @OptionGroup var connection: ConnectionOptions
}
