import ArgumentParser
import Checkpoints
import Detection
import StayposCore
import SystemPackage

struct ModelExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model's weights for PyTorch.",
    discussion: """
      Writes the state_dict: tensors by the names that torchvision's ResNet, or the architecture's published code, gives \
      them, the head as fc.weight and fc.bias. A name that ends in .safetensors gets a plain safetensors file, .pth or .pt \
      a file for torch.load. Threshold, preprocessing and card stay behind.

      EXIT STATUS
        0   the file is written
        1   it is not
        64  the command line is wrong

      EXAMPLES
        staypos model export my.safetensors --output my.pth
        python3 -c 'import torch; print(torch.load("my.pth").keys())'
      """)

  @Argument(help: ArgumentHelp("The model (default: as for staypos score).", valueName: "file"))
  var file: PathArgument?

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the weights go; replaced if it is there.", valueName: "file"))
  var output: PathArgument

  private enum Format: String {
    case safetensors, pth, pt
  }

  private var format: Format? { output.path.extension.flatMap { Format(rawValue: $0) } }

  func validate() throws {
    guard format != nil else { throw ValidationError("--output has to end in .pth, .pt or .safetensors.") }
  }

  func run() throws {
    do {
      let source = try file?.path ?? DefaultModel.find()
      guard !OutputFile.isSame(source, output.path) else {
        throw Failure("\(output.path.escaped) is the model itself: name another file for --output")
      }
      let model = try Model(path: source)
      let weights = try ModelWeights(of: model, in: source)
      switch format {
      case .safetensors, nil:
        var writer = SafetensorsWriter(metadata: ["format": "pt"])
        for tensor in weights.tensors {
          try writer.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: tensor.bytes)
        }
        try writer.write(to: output.path)
      case .pth, .pt:
        var writer = TorchWriter()
        for tensor in weights.tensors {
          try writer.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: tensor.bytes)
        }
        try OutputFile.write(writer.serialized(), to: output.path)
      }
      try Console.write(
        line: Console.printable("\(output.path.escaped): \(weights.tensors.count) tensors of \(model.info.name)"))
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }
}

/// The tensors that an architecture needs, as they are in the model's file.
private struct ModelWeights {
  var tensors: [(name: String, type: ElementType, shape: [Int], bytes: [UInt8])]

  init(of model: Model, in path: FilePath) throws {
    let file = try SafetensorsFile(path: path)
    tensors = model.info.architecture.requiredTensors.compactMap { required in
      file.tensors[required.name].map { (required.name, $0.type, $0.shape, file.bytes(of: $0)) }
    }
  }
}
