import ArgumentParser
import Autoencoding
import StayposCore
import SystemPackage

struct DatasetAlignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "align",
    abstract: "Make an aligned fake of each real image, through a latent autoencoder.",
    discussion: """
      Encodes and decodes every image of a directory and writes pairs: 0_real/NAME.png with the original's pixels and \
      1_fake/NAME.png with the reconstruction's, of the same size and in the same format, so that only the decoder's \
      traces tell them apart (Rajan et al.). Pairs that exist already are passed over: a run that was stopped goes on \
      where it was. pairs.csv lists them with their mean absolute difference in grey levels. alignment.json says what \
      they were made with: a run with another autoencoder, noise or seed into the same directory is refused.

      The autoencoder is of TAESD's family, two checkpoints in PyTorch's format or safetensors; \
      https://github.com/madebyollin/taesd has several (MIT licence).

      EXIT STATUS
        0   all images have their pair
        1   some have not, as the messages say, or nothing could be done
        64  the command line is wrong

      EXAMPLES
        staypos dataset align photos/ --encoder taesd_encoder.pth --decoder taesd_decoder.pth --output aligned/
      """)

  @Argument(help: ArgumentHelp("Real images, or directories of them.", valueName: "path"))
  var sources: [PathArgument]

  @Option(help: ArgumentHelp("The autoencoder's encoder.", valueName: "file"))
  var encoder: PathArgument

  @Option(help: ArgumentHelp("The autoencoder's decoder.", valueName: "file"))
  var decoder: PathArgument

  @Option(name: [.short, .long], help: ArgumentHelp("Where the pairs go.", valueName: "directory"))
  var output: PathArgument

  @Option(
    help: ArgumentHelp(
      "Normal noise on the latents, as a share of their standard deviation: fakes that differ in more than traces.",
      valueName: "share"))
  var latentNoise = 0.0

  @Option(
    help: ArgumentHelp("Of the noise; each image has its own, whatever else is in the directory.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup var limits: LimitOptions

  func validate() throws {
    guard latentNoise >= 0, latentNoise.isFinite else { throw ValidationError("--latent-noise has to be 0 or more.") }
    guard !sources.isEmpty else { throw ValidationError("Name the images, or a directory of them.") }
  }

  func run() throws {
    do {
      let settings = try AlignmentSettings(
        encoder: encoder.path, decoder: decoder.path, latentNoise: latentNoise, seed: seed)
      let autoencoder = try LatentAutoencoder(encoder: encoder.path, decoder: decoder.path)
      try settings.claim(output.path)
      var aligning = Aligning(
        autoencoder, into: output.path, latentNoise: latentNoise, seed: seed, limits: limits.limits)
      let refused = try aligning.run(sources.map(\.path))
      try Console.write(line: "\(aligning.made) pairs made, \(aligning.found) were there, \(refused) images left out")
      if refused + aligning.made + aligning.found == 0 { Console.complain("there are no images to align") }
      guard refused == 0, aligning.made + aligning.found > 0 else { throw ExitCode.found }
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }
}
