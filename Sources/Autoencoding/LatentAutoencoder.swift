import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage

/// Passes images through the latent space of a generator: what comes out looks the same and bears the traces of its
/// decoder. "Aligned" fakes (Rajan et al., Aligned Datasets Improve Detection of Latent Diffusion-Generated Images).
package final class LatentAutoencoder {
  private let network: ImageAutoencoder

  /// - Parameters:
  ///   - encoder: checkpoint of TAESD's family, in PyTorch's format or safetensors.
  ///   - decoder: the other half.
  package init(encoder: FilePath, decoder: FilePath) throws(AutoencoderError) {
    let encoder = try AutoencoderFile(encoder, .encoder).layers()
    let decoder = try AutoencoderFile(decoder, .decoder).layers()
    do throws(NetworkError) {
      network = try ImageAutoencoder(encoder: encoder, decoder: decoder)
    } catch {
      throw AutoencoderError(error.description)
    }
  }

  /// - Parameter noise: standard deviation of the normal noise that is added to the latent, as a share of the latent's
  ///   own standard deviation.
  package func reconstruct(
    _ image: RGBImage, noise: Double = 0, using generator: inout SplitMix64
  ) throws(AutoencoderError) -> RGBImage {
    let (width, height) = (image.size.width, image.size.height)
    do throws(NetworkError) {
      var latent = try network.encode(image.pixels, width: width, height: height)
      if noise > 0 { latent.perturb(by: noise, using: &generator) }
      return RGBImage(size: image.size, pixels: try network.decode(latent, width: width, height: height))
    } catch {
      throw AutoencoderError(error.description)
    }
  }
}

extension ImageAutoencoder.Latent {
  /// Adds normal noise.
  /// - Parameter share: its standard deviation over that of the values.
  fileprivate mutating func perturb(by share: Double, using generator: inout SplitMix64) {
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
    let deviation = share * variance.squareRoot()
    for index in values.indices { values[index] += Float(deviation * generator.nextNormals().0) }
  }
}
