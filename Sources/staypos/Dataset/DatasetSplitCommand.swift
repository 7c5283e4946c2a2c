import ArgumentParser
import Curation
import Datasets
import StayposCore
import SystemPackage

struct DatasetSplitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "split",
    abstract: "Divide a data set into training, validation and test images, without leaks.",
    discussion: """
      Whole sources are divided (the directory below the label, or the list's column), never single images of one, and \
      versions of one picture (resized, compressed, an original and its reconstruction) come onto one side with their \
      sources. The list that is written has the columns of staypos dataset index, split among them; staypos train and \
      staypos evaluate read it. The same data, shares and seed give the same list.

      EXIT STATUS
        0   the list is written
        1   it is not: there are too few sources, or something cannot be read
        64  the command line is wrong

      EXAMPLES
        staypos dataset split images/ --output split.csv
        staypos dataset split images.csv --shares 0.9 0.1 --output split.csv
      """)

  @Argument(help: ArgumentHelp("The data set: a directory, a list, or an index.", valueName: "data"))
  var data: PathArgument

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Parts for train, val and test; without the third there is no test set.", valueName: "part"))
  var shares: [Double] = [0.8, 0.1, 0.1]

  @Option(help: ArgumentHelp("Decides between sources of equal size.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(name: [.short, .long], help: ArgumentHelp("Where the list goes.", valueName: "file"))
  var output: PathArgument

  @OptionGroup var limits: LimitOptions

  func validate() throws {
    guard (2...3).contains(shares.count), shares.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ValidationError("--shares needs two or three numbers above 0.")
    }
  }

  func run() throws {
    do {
      let index = try DatasetExamination(limits: limits.limits).indexOrReadIndex(of: data.path)
      let shares = Dictionary(uniqueKeysWithValues: zip(Split.allCases, shares))
      let split = try SourceSplit(index, shares: shares, seed: seed)
      try split.index.write(to: output.path)
      try report(split)
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  private func report(_ split: SourceSplit) throws {
    for sources in split.joined {
      try Console.write(
        line: Console.printable(
          "on one side, as they share pictures or are aligned: \(sources.prefix(6).joined(separator: ", "))")
          + (sources.count > 6 ? " and \(sources.count - 6) more" : ""))
    }
    for part in Split.allCases {
      let entries = split.index.entries.filter { $0.image.split == part }
      guard !entries.isEmpty else { continue }
      let counts = Label.allCases.map { label in
        let mine = entries.filter { $0.image.label == label }
        return "\(mine.count) \(label == .real ? "real" : "fake") of \(mine.sourcesInWords)"
      }
      try Console.write(line: "\(part.rawValue.padded(6))\(counts.joined(separator: ", "))")
    }
  }
}
