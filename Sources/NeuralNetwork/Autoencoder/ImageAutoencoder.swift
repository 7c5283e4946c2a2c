/// An image to a latent and back, over whole feature maps: GroupNorm needs all of a map before its first row.
///
/// Confined: one caller at a time. Memory: three maps of 64 channels at the image's size, about 800 bytes per pixel.
package final class ImageAutoencoder {
  /// What the encoder makes of an image: (height, width, channels).
  package struct Latent: Sendable {
    package let height: Int
    package let width: Int
    package let channels: Int
    package var values: [Float]
  }

  /// Pixels of the image for one position of the latent, in each direction.
  package let factor: Int
  package let latentChannels: Int
  private let encoder: [CompiledLayer]
  private let decoder: [CompiledLayer]

  /// - Throws: `badParameters` if the layers do not fit to each other, or to images of three channels.
  package init(encoder: [AutoencoderLayer], decoder: [AutoencoderLayer]) throws(NetworkError) {
    let latentChannels = try outputChannels(of: encoder, from: 3, in: "the encoder")
    guard try outputChannels(of: decoder, from: latentChannels, in: "the decoder") == 3 else {
      throw NetworkError(.badParameters, "the decoder does not end in three channels")
    }
    let factor = product(of: encoder) {
      if case .convolution(let layer) = $0 { layer.convolution.window.stride } else { 1 }
    }
    guard factor <= largestFactor else {
      throw NetworkError(.badParameters, "the encoder reduces by more than \(largestFactor)")
    }
    guard product(of: decoder, { if case .upsampling = $0 { 2 } else { 1 } }) == factor else {
      throw NetworkError(.badParameters, "the decoder does not enlarge as much as the encoder reduces")
    }
    self.factor = factor
    self.latentChannels = latentChannels
    let engine = try Engine()
    self.encoder = try encoder.compiled(on: engine)
    self.decoder = try decoder.compiled(on: engine)
  }

  /// - Parameter pixels: 8-bit RGB, interleaved; sides that are no multiple of ``factor`` are continued by their last
  ///   pixels.
  package func encode(_ pixels: [UInt8], width: Int, height: Int) throws(NetworkError) -> Latent {
    precondition(pixels.count == 3 * width * height && width > 0 && height > 0)
    let image = try FeatureMap(height: roundedUp(height), width: roundedUp(width), channels: 3)
    let values = image.values
    for row in 0..<image.height {
      let source = min(row, height - 1) * width
      for column in 0..<image.width {
        let (from, to) = (3 * (source + min(column, width - 1)), 3 * (row * image.width + column))
        for channel in 0..<3 { values[to + channel] = Float(pixels[from + channel]) / 255 }
      }
    }
    let map = try run(encoder, on: image)
    return Latent(height: map.height, width: map.width, channels: map.channels, values: Array(map.values))
  }

  /// - Returns: 8-bit RGB, interleaved, cut to the size of the image.
  package func decode(_ latent: Latent, width: Int, height: Int) throws(NetworkError) -> [UInt8] {
    precondition(
      latent.channels == latentChannels && latent.values.count == latent.height * latent.width * latentChannels)
    precondition(latent.height * factor == roundedUp(height) && latent.width * factor == roundedUp(width))
    let map = try FeatureMap(height: latent.height, width: latent.width, channels: latentChannels)
    _ = map.values.update(fromContentsOf: latent.values)
    let image = try run(decoder, on: map)
    let values = image.values
    return [UInt8](unsafeUninitializedCapacity: 3 * width * height) { pixels, count in
      for row in 0..<height {
        for index in 0..<3 * width {
          let value = values[row * 3 * image.width + index]
          pixels[row * 3 * width + index] = UInt8((min(max(value, 0), 1) * 255).rounded())
        }
      }
      count = 3 * width * height
    }
  }

  private func roundedUp(_ length: Int) -> Int { (length + factor - 1) / factor * factor }

  private func run(_ layers: [CompiledLayer], on input: FeatureMap) throws(NetworkError) -> FeatureMap {
    var map = input
    for layer in layers { map = try layer(map) }
    return map
  }
}

/// Eight times that of any published one.
private let largestFactor = 64

/// Not continued once it is beyond ``largestFactor``.
private func product(of layers: [AutoencoderLayer], _ scale: (AutoencoderLayer) -> Int) -> Int {
  layers.reduce(1) { $0 > largestFactor ? $0 : $0 * scale($1) }
}

/// Channels at the end, checked from layer to layer.
private func outputChannels(
  of layers: [AutoencoderLayer], from start: Int, in part: String
) throws(NetworkError) -> Int {
  var channels = start
  for (index, layer) in layers.enumerated() {
    guard let (input, output) = layer.channels else { continue }
    if case .block(let block) = layer, !block.isConsistent {
      throw NetworkError(.badParameters, "the convolutions in layer \(index) of \(part) do not fit to each other")
    }
    guard input == channels else {
      throw NetworkError(.badParameters, "layer \(index) of \(part) reads \(input) channels, but gets \(channels)")
    }
    channels = output
  }
  return channels
}
