import ImageDecoding
import StayposCore

extension RGBImage {
  /// Keeps the spatial frequencies up to a radius and removes all others: an ideal filter on the discrete Fourier transform
  /// of the whole image, which is taken to repeat itself. Rounded and clipped at the end.
  /// - Parameter cutoff: of the highest frequency along an axis, half a period a pixel. √2 and more keep everything.
  package func lowPassed(cutoff: Double) -> RGBImage {
    precondition(cutoff >= 0 && cutoff.isFinite)
    guard cutoff * cutoff < 2 else { return self }
    var result = self
    // A real filter on symmetrical frequencies: two planes go through at once, as real and imaginary part.
    var pair = Complex(count: 0)
    (pair.real, pair.imaginary) = (plane(0), plane(1))
    filter(&pair, cutoff)
    result.setPlane(0, pair.real)
    result.setPlane(1, pair.imaginary)
    var single = Complex(count: size.width * size.height)
    single.real = plane(2)
    filter(&single, cutoff)
    result.setPlane(2, single.real)
    return result
  }

  private func filter(_ planes: inout Complex, _ cutoff: Double) {
    let (width, height) = (size.width, size.height)
    let (across, down) = (FourierTransform(length: width), FourierTransform(length: height))
    transform(&planes, across, lines: height, stride: 1, lineStride: width)
    transform(&planes, down, lines: width, stride: width, lineStride: 1)
    /// Squared, in units of the highest frequency.
    func frequency(_ index: Int, _ length: Int) -> Double {
      let periods = 2 * Double(min(index, length - index)) / Double(length)
      return periods * periods
    }
    let columns = (0..<width).map { frequency($0, width) }
    for y in 0..<height {
      let row = frequency(y, height)
      for x in 0..<width {
        let index = y * width + x
        // The inverse transform is the forward one with real and imaginary parts swapped.
        let (re, im) =
          row + columns[x] <= cutoff * cutoff ? (planes.real[index], planes.imaginary[index]) : (0, 0)
        (planes.real[index], planes.imaginary[index]) = (im, re)
      }
    }
    transform(&planes, across, lines: height, stride: 1, lineStride: width)
    transform(&planes, down, lines: width, stride: width, lineStride: 1)
    let scale = 1 / Double(width * height)
    let real = planes.imaginary.map { $0 * scale }
    planes.imaginary = planes.real.map { $0 * scale }
    planes.real = real
  }

  private func transform(
    _ planes: inout Complex, _ transform: FourierTransform, lines: Int, stride: Int, lineStride: Int
  ) {
    var line = Complex(count: transform.length)
    for index in 0..<lines {
      let base = index * lineStride
      for place in 0..<transform.length {
        line.real[place] = planes.real[base + place * stride]
        line.imaginary[place] = planes.imaginary[base + place * stride]
      }
      transform.transform(&line)
      for place in 0..<transform.length {
        planes.real[base + place * stride] = line.real[place]
        planes.imaginary[base + place * stride] = line.imaginary[place]
      }
    }
  }
}
