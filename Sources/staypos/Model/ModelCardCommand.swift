import ArgumentParser
import Detection
import Filesystem
import FoundationEssentials
import StayposCore
import SystemPackage

struct ModelCardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "card",
    abstract: "Write what a model says about itself.",
    discussion: """
      Writes a copy of a model with another card: data, metrics and limits, as staypos model info prints them. The text is \
      a JSON object, whose members are put in place of the card's members of the same names (null removes one), or plain \
      text, which becomes the member summary. Other members stay, such as what training and calibration have written. \
      With --threshold, the copy flags from another probability on; staypos calibrate finds one. Scores are the same, but \
      the copy's SHA-256, and so its identity, is another.

      EXIT STATUS
        0   the file is written
        1   it is not
        64  the command line is wrong

      EXAMPLES
        staypos model card mine.safetensors --card card.json --output published.safetensors
        staypos model info published.safetensors
      """)

  @Argument(help: ArgumentHelp("The model (default: as for staypos score).", valueName: "file"))
  var file: PathArgument?

  @Option(help: ArgumentHelp("What it says: a JSON object, or plain text.", valueName: "text"))
  var card: PathArgument

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the copy goes; replaced if it is there.", valueName: "file"))
  var output: PathArgument

  @Option(help: ArgumentHelp("The copy's name (default: the model's).", valueName: "text"))
  var name: String?

  @OptionGroup var threshold: ThresholdOption

  /// Beyond it, it is no text that anybody wrote.
  private static let sizeLimit = 1 << 20

  func run() throws {
    do {
      let source = try file?.path ?? DefaultModel.find()
      guard !OutputFile.isSame(source, output.path) else {
        throw Failure("\(output.path.escaped) is the model itself: name another file for --output")
      }
      guard !OutputFile.isSame(card.path, output.path) else {
        throw Failure("\(output.path.escaped) is the card itself: name another file for --output")
      }
      let original = try Model(path: source)
      var card = ModelCard(original.info.card)
      let text = try text()
      do {
        try card.merge(text)
      } catch {
        throw Failure("\(self.card.path.escaped): begins like a JSON object, and is none")
      }
      var revision = ModelRevision(of: original, at: source)
      (revision.card, revision.threshold) = (card.text, threshold.resolved(for: original.info))
      if let name { revision.name = name }
      let model = try revision.write(to: output.path)
      try Console.write(
        line: Console.printable("\(output.path.escaped): \(model.info.name), SHA-256 \(model.info.sha256)"))
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  private func text() throws -> String {
    let bytes: [UInt8]
    do {
      bytes = try card.path.contents(limit: Self.sizeLimit)
    } catch {
      throw Failure("\(card.path.escaped): \(error)")
    }
    guard bytes.count <= Self.sizeLimit else { throw Failure("\(card.path.escaped): is too long for a card") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure("\(card.path.escaped): is no text in UTF-8")
    }
    return text
  }
}

extension ModelCard {
  /// Members of a JSON object take the place of those of the same names, null removes one; other text is the `summary`.
  /// - Throws: `DecodingError` of what begins like an object and is none.
  mutating func merge(_ text: String) throws {
    guard text.first(where: { !$0.isWhitespace }) == "{" else {
      self["summary"] = .string(String(text.reversed().drop { $0.isWhitespace }.reversed()))
      return
    }
    let members = try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
    for (name, value) in members { self[name] = value == .null ? nil : value }
  }
}
