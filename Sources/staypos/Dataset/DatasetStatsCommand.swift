import ArgumentParser
import Curation
import Datasets
import StayposCore
import SystemPackage

struct DatasetStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show in what real and fake images differ that has nothing to do with the picture.",
    discussion: """
      Formats, JPEG qualities, sizes and bytes per pixel of each class, and for each of these properties how often a \
      rule on it alone would be right, real and fake images counting the same (50 % is chance). A detector that is \
      trained on such a difference learns it instead of the generators' traces, and fails where it is absent: make the \
      classes alike first, for example with staypos dataset align. Versions of one picture are counted too.

      EXIT STATUS
        0   no property tells the classes apart
        1   one does, or there are not two classes
        64  the command line is wrong

      EXAMPLES
        staypos dataset stats images/
        staypos dataset stats --json images.csv | jq '.properties[] | select(.suspicious)'
      """)

  @Argument(help: ArgumentHelp("The data set: a directory, a list, or an index.", valueName: "data"))
  var data: PathArgument

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var limits: LimitOptions

  func run() throws {
    let record: DatasetStatsRecord
    do {
      let index = try DatasetExamination(limits: limits.limits).indexOrReadIndex(of: data.path)
      guard let differences = ClassDifferences(index.entries) else {
        throw Failure("\(data.path.escaped): there are not both real and fake images")
      }
      record = DatasetStatsRecord(index.entries, differences)
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
    if json {
      try Console.write(json: record)
    } else {
      for line in record.lines { try Console.write(line: line) }
    }
    if record.properties.contains(where: \.suspicious) { throw ExitCode.found }
  }
}
