import ArgumentParser
import ControlInterface
import StayposCore

struct Quarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at the quarantine, give files back, destroy them.",
    subcommands: [QuarantineList.self, QuarantineShow.self, QuarantineRestore.self, QuarantineDelete.self])

  /// For arguments.
  static func id(_ text: String) throws -> QuarantineID {
    guard let id = QuarantineID(text) else {
      throw ValidationError("'\(text)' is no quarantine id: `staypos-ctl quarantine list` shows them")
    }
    return id
  }
}
