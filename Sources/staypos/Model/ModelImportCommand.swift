import ArgumentParser
import Checkpoints
import Detection
import FoundationEssentials
import Glibc
import Hashing
import StayposCore
import SystemPackage

struct ModelImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a model of a published checkpoint.",
    discussion: """
      Reads a file of torch.save (.pth, .pt; both its formats, and TorchScript archives) or a safetensors file, finds the \
      network in it whatever it is wrapped in, and writes it as a model of staypos. No code in the file is executed: a \
      pickle that does anything but hold tensors and plain values is refused. Of the file only what the network needs is \
      read; an optimizer beside it is left.

      Strides and paddings are in no file, so that --architecture has to be known; without it, the one whose tensors the \
      file has is taken if there is only one. The head may have one output, or two with --fake-class; it is declared \
      positive if no weight of it is below zero.

      EXIT STATUS
        0   the model is written
        1   it is not: the file cannot be read, is refused, or does not hold the architecture
        64  the command line is wrong

      EXAMPLES
        staypos model inspect model_epoch_best.pth
        staypos model import model_epoch_best.pth --architecture resnet50-nodown --output corvi.safetensors
        staypos model import net.pth --architecture my.json --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5
      """)

  @Argument(help: ArgumentHelp("The checkpoint.", valueName: "file"))
  var file: PathArgument

  @Option(
    help: ArgumentHelp(
      "One of \(ArchitectureArgument.allValueStrings.joined(separator: ", ")), the last with what staypos model info prints as architecture.",
      valueName: "name"))
  var architecture: ArchitectureArgument?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Where the model goes; replaced if it is there (default: the checkpoint's name with .safetensors in the working directory, if nothing is there).",
      valueName: "file"))
  var output: PathArgument?

  @Option(help: ArgumentHelp("The model's name (default: the checkpoint's).", valueName: "text"))
  var name: String?

  @Option(help: ArgumentHelp("The probability from which on an image is flagged.", valueName: "p"))
  var threshold = 0.5

  @Option(help: ArgumentHelp("Take the network below this name, of several in the file.", valueName: "prefix"))
  var prefix: String?

  @Option(
    help: ArgumentHelp(
      "The generated class: of a head of two outputs, or 0 if its only output is high for real images.",
      valueName: "0|1"))
  var fakeClass: Int?

  @Option(help: ArgumentHelp("Of R, G, B on the scale 0 to 1 (default: the architecture's).", valueName: "r,g,b"))
  var mean: ColourArgument?

  @Option(help: ArgumentHelp("The same for the standard deviation.", valueName: "r,g,b"))
  var std: ColourArgument?

  @Option(help: ArgumentHelp("The checkpoint's licence, for the model's card.", valueName: "text"))
  var licence: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let fakeClass, !(0...1).contains(fakeClass) { throw ValidationError("--fake-class has to be 0 or 1.") }
    guard Threshold(threshold) != nil else { throw ValidationError("--threshold has to be between 0 and 1.") }
  }

  func run() throws {
    do {
      let record = try importModel()
      if json {
        try Console.write(json: record)
      } else {
        for line in record.lines { try Console.write(line: Console.printable(line)) }
      }
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  private func importModel() throws -> ModelImportRecord {
    // Checked by validate().
    guard let threshold = Threshold(threshold) else { throw ExitCode(EX_USAGE) }
    let target = try target()
    let checkpoint = try Checkpoint(path: file.path)
    let architecture = try architecture ?? self.architecture(of: checkpoint)
    let (network, usual) = try architecture.load()
    let sha256 = try digest(file.path)
    var plan = ModelImport(
      architecture: network, architectureName: architecture.name,
      preprocessing: Preprocessing(
        mean: mean?.values ?? usual.mean, std: std?.values ?? usual.std, residual: usual.residual),
      name: name ?? file.path.stem ?? "imported", threshold: threshold,
      card: try card(checkpoint, sha256))
    plan.prefix = prefix
    plan.fakeClass = fakeClass
    let result = try plan.run(checkpoint)
    let (taken, ignored, found, remarks) = (result.taken, result.ignored, result.prefix, result.remarks)
    let model = try result.file.writeModel(to: target)
    return ModelImportRecord(
      path: target.json.path, format: checkpoint.format, architecture: architecture.name, tensors: taken,
      ignored: ignored,
      prefix: found, remarks: remarks, model: ModelRecord(model))
  }

  /// The only one that fits.
  private func architecture(of checkpoint: Checkpoint) throws -> ArchitectureArgument {
    let names = NamedArchitecture.matching(checkpoint)
    guard let name = names.first, names.count == 1 else {
      throw Failure(
        names.isEmpty
          ? "\(file.path.escaped): no architecture that has a name fits: describe it in a JSON file for --architecture "
            + "(staypos model inspect lists what is in the checkpoint)"
          : "\(file.path.escaped): its tensors are those of \(names.map(\.rawValue).joined(separator: " and ")), which differ "
            + "in their strides alone: say which with --architecture")
    }
    return .named(name)
  }

  private func target() throws -> FilePath {
    if let output {
      guard !OutputFile.isSame(file.path, output.path) else {
        throw Failure("\(output.path.escaped) is the checkpoint itself: name another file for --output")
      }
      return output.path
    }
    let name =
      FilePath(bytes: Array((file.path.stem ?? "model").utf8) + Array(".safetensors".utf8)) ?? "model.safetensors"
    guard name.withPlatformString({ access($0, F_OK) }) != 0 else {
      throw Failure("\(name.escaped) exists: say with --output where the model goes")
    }
    return name
  }

  private func digest(_ path: FilePath) throws -> SHA256Digest {
    let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    return try file.closeAfter { try SHA256Digest(contentsOf: file.rawValue) }
  }

  private func card(_ checkpoint: Checkpoint, _ sha256: SHA256Digest) throws -> String {
    var origin: [String: JSONValue] = [
      "file": .string(file.path.lastComponent?.string ?? ""), "sha256": .string("\(sha256)"),
      "format": .string(checkpoint.format.rawValue), "imported": .string(Date().ISO8601Format()),
      "importer": .string("staypos \(StayposVersion.current)"),
    ]
    if !checkpoint.attributes.isEmpty, checkpoint.format != .safetensors {
      origin["attributes"] = .object(
        Dictionary(checkpoint.attributes.prefix(20).map { ($0.name, .string($0.value)) }) { first, _ in first })
    }
    let card: JSONValue = .object([
      "origin": .object(origin), "licence": .string(licence ?? "not stated: see where the checkpoint came from"),
    ])
    return card.text
  }
}

/// `R,G,B`
struct ColourArgument: ExpressibleByArgument {
  var values: [Double]

  init?(argument: String) {
    let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard values.count == 3, values.allSatisfy({ $0?.isFinite == true }) else { return nil }
    self.values = values.compactMap { $0 }
  }
}

/// What `model import` says.
struct ModelImportRecord: Encodable {
  var path: String
  var format: Checkpoint.Format
  var architecture: String
  /// Taken and left.
  var tensors: Int
  var ignored: Int
  var prefix: String
  var remarks: [String]
  var model: ModelRecord

  /// For people.
  var lines: [String] {
    var lines = [
      "\(path): \(architecture) from \(format.rawValue), \(tensors) tensors"
        + (prefix.isEmpty ? "" : " below \"\(prefix.dropLast())\"") + (ignored > 0 ? ", \(ignored) others left" : "")
    ]
    lines += remarks.map { "note: \($0)" }
    lines += model.lines.map { $0.name + $0.value }
    return lines
  }
}

extension Checkpoint.Format: Encodable {}
