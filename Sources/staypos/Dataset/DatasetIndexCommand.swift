import ArgumentParser
import Curation
import StayposCore
import SystemPackage

struct DatasetIndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Write a list of a data set's images, with what is known about each.",
    discussion: """
      Reads every image of a directory with 0_real and 1_fake, real and fake (or generated), or nature and ai in it, or \
      of a CSV list with the columns filename and typ, and writes a CSV list with label, source, format, JPEG quality, \
      size, SHA-256 and a fingerprint by which versions of one picture are found. The list is a data set itself. Files \
      that are no image are left out and reported.

      EXIT STATUS
        0   the list is written
        1   it is not; nothing is left behind
        64  the command line is wrong

      EXAMPLES
        staypos dataset index images/ --output images.csv
      """)

  @Argument(help: ArgumentHelp("The data set: a directory or a list.", valueName: "data"))
  var data: PathArgument

  @Option(name: [.short, .long], help: ArgumentHelp("Where the list goes.", valueName: "file"))
  var output: PathArgument

  @OptionGroup var limits: LimitOptions

  func run() throws {
    do {
      let index = try DatasetExamination(limits: limits.limits).index(of: data.path)
      try index.write(to: output.path)
      try Console.write(line: "\(index.entries.count) images in \(Console.printable(output.path.escaped))")
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }
}
