import ArgumentParser
import Checkpoints
import Detection
import StayposCore

struct ModelInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "List what is in a checkpoint of any format.",
    discussion: """
      Prints the format, the numbers beside the tensors (the epoch, for example), the architectures that staypos model \
      import would find in the file, and name, type and shape of each tensor. Nothing in the file is executed, and no \
      tensor's values are read.

      EXIT STATUS
        0   the file was read
        1   it was not, or is refused
        64  the command line is wrong

      EXAMPLES
        staypos model inspect model_epoch_best.pth
        staypos model inspect --json net.pt | jq -r '.tensors[].name'
      """)

  @Argument(
    help: ArgumentHelp("A file of torch.save, a TorchScript archive, or a safetensors file.", valueName: "file"))
  var file: PathArgument

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(path: file.path)
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
    let record = CheckpointRecord(checkpoint)
    if json {
      try Console.write(json: record)
    } else {
      for line in record.lines { try Console.write(line: Console.printable(line)) }
    }
  }
}

/// What `model inspect` says.
struct CheckpointRecord: Encodable {
  struct Tensor: Encodable {
    var name: String
    /// As safetensors names it.
    var type: String
    var shape: [Int]
  }

  var path: String
  var pathBase64: String?
  var format: Checkpoint.Format
  var values: Int
  /// Names for `--architecture`.
  var architectures: [String]
  var attributes: [String: String]
  var tensors: [Tensor]

  init(_ checkpoint: Checkpoint) {
    (path, pathBase64) = checkpoint.path.json
    format = checkpoint.format
    values = checkpoint.tensors.reduce(0) { $0 + $1.count }
    architectures = NamedArchitecture.matching(checkpoint).map(\.rawValue)
    attributes = Dictionary(checkpoint.attributes.map { ($0.name, $0.value) }) { first, _ in first }
    tensors = checkpoint.tensors.map { Tensor(name: $0.name, type: $0.type.rawValue, shape: $0.shape) }
  }

  /// For people.
  var lines: [String] {
    var lines = ["\(path): \(format.rawValue), \(tensors.count) tensors, \(values) values"]
    lines.append(
      architectures.isEmpty
        ? "fits: none of the architectures that have a name" : "fits: \(architectures.joined(separator: " or "))")
    lines += attributes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    let width = min(60, (tensors.map(\.name.count).max() ?? 0) + 2)
    lines += tensors.map { tensor in
      let shape = tensor.shape.isEmpty ? "scalar" : tensor.shape.map(String.init).joined(separator: " x ")
      return tensor.name.padded(width) + " " + tensor.type.padded(6) + shape
    }
    return lines
  }
}
