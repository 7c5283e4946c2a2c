import Glibc

/// The discrete Fourier transform of one length, without scaling: powers of two by Cooley and Tukey's algorithm, others as
/// a convolution of such a length (Bluestein).
struct FourierTransform {
  let length: Int
  private let radix: RadixTwo
  private let chirp: Chirp?

  private struct Chirp {
    /// exp(−πi k² / n)
    var factors: Complex
    /// The transform of its conjugate, wrapped around.
    var kernel: Complex
  }

  init(length: Int) {
    precondition(length > 0)
    self.length = length
    guard length & (length - 1) != 0 else {
      radix = RadixTwo(length)
      chirp = nil
      return
    }
    var size = 1
    while size < 2 * length - 1 { size *= 2 }
    radix = RadixTwo(size)
    var factors = Complex(count: length)
    var kernel = Complex(count: size)
    for index in 0..<length {
      // k² modulo 2n: the angle stays exact.
      let angle = Double.pi * Double(index * index % (2 * length)) / Double(length)
      (factors.real[index], factors.imaginary[index]) = (cos(angle), -sin(angle))
      for place in [index, (size - index) % size] {
        (kernel.real[place], kernel.imaginary[place]) = (cos(angle), sin(angle))
      }
    }
    radix.transform(&kernel)
    chirp = Chirp(factors: factors, kernel: kernel)
  }

  /// - Parameter values: as many as the length.
  func transform(_ values: inout Complex) {
    guard let chirp else {
      radix.transform(&values)
      return
    }
    var padded = Complex(count: radix.length)
    for index in 0..<length {
      let (re, im) = (values.real[index], values.imaginary[index])
      let (a, b) = (chirp.factors.real[index], chirp.factors.imaginary[index])
      (padded.real[index], padded.imaginary[index]) = (re * a - im * b, re * b + im * a)
    }
    radix.transform(&padded)
    for index in 0..<radix.length {
      let (re, im) = (padded.real[index], padded.imaginary[index])
      let (a, b) = (chirp.kernel.real[index], chirp.kernel.imaginary[index])
      // Swapped: the forward transform of swapped parts is the inverse with swapped parts.
      (padded.imaginary[index], padded.real[index]) = (re * a - im * b, re * b + im * a)
    }
    radix.transform(&padded)
    let scale = 1 / Double(radix.length)
    for index in 0..<length {
      let (im, re) = (padded.real[index] * scale, padded.imaginary[index] * scale)
      let (a, b) = (chirp.factors.real[index], chirp.factors.imaginary[index])
      (values.real[index], values.imaginary[index]) = (re * a - im * b, re * b + im * a)
    }
  }
}

/// Complex numbers, real and imaginary parts apart.
struct Complex {
  var real: [Double]
  var imaginary: [Double]

  init(count: Int) {
    real = Array(repeating: 0, count: count)
    imaginary = real
  }
}

/// Lengths that are powers of two.
private struct RadixTwo {
  let length: Int
  /// exp(−2πi k / n) for k < n / 2.
  private let cosines: [Double]
  private let sines: [Double]

  init(_ length: Int) {
    self.length = length
    let angles = (0..<length / 2).map { -2 * Double.pi * Double($0) / Double(length) }
    cosines = angles.map { cos($0) }
    sines = angles.map { sin($0) }
  }

  func transform(_ values: inout Complex) {
    values.real.withUnsafeMutableBufferPointer { real in
      values.imaginary.withUnsafeMutableBufferPointer { imaginary in
        reverseBits(real, imaginary)
        cosines.withUnsafeBufferPointer { cosines in
          sines.withUnsafeBufferPointer { sines in
            var half = 1
            while half < length {
              let step = length / (2 * half)
              for start in stride(from: 0, to: length, by: 2 * half) {
                for index in 0..<half {
                  let (a, b) = (cosines[index * step], sines[index * step])
                  let (upper, lower) = (start + index, start + index + half)
                  let re = real[lower] * a - imaginary[lower] * b
                  let im = real[lower] * b + imaginary[lower] * a
                  (real[lower], imaginary[lower]) = (real[upper] - re, imaginary[upper] - im)
                  real[upper] += re
                  imaginary[upper] += im
                }
              }
              half *= 2
            }
          }
        }
      }
    }
  }

  private func reverseBits(_ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>)
  {
    var reversed = 0
    for index in 1..<max(length, 1) {
      var bit = length >> 1
      while reversed & bit != 0 {
        reversed ^= bit
        bit >>= 1
      }
      reversed |= bit
      if index < reversed {
        real.swapAt(index, reversed)
        imaginary.swapAt(index, reversed)
      }
    }
  }
}
