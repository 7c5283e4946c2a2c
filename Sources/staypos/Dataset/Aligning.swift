import Autoencoding
import Datasets
import Filesystem
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

/// Makes pairs of real images and their reconstructions, one after the other.
struct Aligning {
  private let autoencoder: LatentAutoencoder
  private let output: FilePath
  private let latentNoise: Double
  private let seed: UInt64
  private let limits: ImageLimits
  /// Pairs of this run, and of runs before.
  private(set) var made = 0
  private(set) var found = 0
  private var refused = 0
  /// Of `pairs.csv`.
  private var lines: [FilePath: [String]] = [:]

  init(_ autoencoder: LatentAutoencoder, into output: FilePath, latentNoise: Double, seed: UInt64, limits: ImageLimits)
  {
    self.autoencoder = autoencoder
    self.output = output
    self.latentNoise = latentNoise
    self.seed = seed
    self.limits = limits
  }

  /// - Returns: images without a pair.
  mutating func run(_ sources: [FilePath]) throws -> Int {
    for source in sources {
      try FileWalk.visit([source]) { item in
        switch item {
        case .unreadable(let path, let errno): refuse("\(path.escaped): \(errno)")
        case .file(let path) where isOwn(path): break
        case .file(let path):
          try align(path, below: FileWalk.isDirectory(source) ? source : source.removingLastComponent())
        }
      }
    }
    let header = ["real", "fake", "original", "difference"]
    let table = lines.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
      .reduce(into: CSVTable.line(header)) { $0 += CSVTable.line($1.value) }
    if !lines.isEmpty { try OutputFile.write(table, to: output.appending("pairs.csv")) }
    return refused
  }

  /// A pair of this run or of one before, if the output lies among the sources.
  private func isOwn(_ path: FilePath) -> Bool {
    var ancestor = path.removingLastComponent()
    while !ancestor.components.isEmpty {
      if OutputFile.isSame(ancestor, output) { return true }
      ancestor.removeLastComponent()
    }
    return false
  }

  private mutating func refuse(_ message: String) {
    Console.complain(message)
    refused += 1
  }

  private mutating func align(_ path: FilePath, below root: FilePath) throws {
    var name = path
    _ = name.removePrefix(root)
    guard lines[name] == nil else {
      refuse("\(path.escaped): another image has the name \(name.escaped): align its directory into another one")
      return
    }
    let (real, fake) = (try place("0_real", name), try place("1_fake", name))
    let original: RGBImage
    do throws(Refusal) {
      original = try image(path)
    } catch {
      refuse("\(path.escaped): \(error.reason.rawValue): \(error.detail)")
      return
    }
    let difference: Double
    if let one = try? image(real), one == original, let other = try? image(fake), other.size == one.size {
      difference = one.difference(from: other)
      found += 1
    } else {
      var generator = SplitMix64(seed: seed, name: name.bytes)
      let reconstruction: RGBImage
      do throws(AutoencoderError) {
        reconstruction = try autoencoder.reconstruct(original, noise: latentNoise, using: &generator)
      } catch {
        refuse("\(path.escaped): \(error)")
        return
      }
      difference = original.difference(from: reconstruction)
      // The fake first: a pair is whole when the real image is there.
      try OutputFile.write(PNGEncoder.encode(reconstruction), to: fake)
      try OutputFile.write(PNGEncoder.encode(original), to: real)
      made += 1
    }
    lines[name] = [real.escaped, fake.escaped, path.escaped, difference.fixed(3)]
  }

  /// `LABEL/NAME.png`, with its directories.
  private func place(_ label: String, _ name: FilePath) throws -> FilePath {
    let path = output.appending(label).pushing(name)
    guard let last = path.lastComponent,
      let file = FilePath(bytes: FilePath(root: nil, [last]).bytes + Array(".png".utf8))
    else { throw Failure("\(path.escaped): no file name") }
    let directory = path.removingLastComponent()
    var ancestor = FilePath(root: directory.root, [])
    for component in directory.components {
      ancestor.append(component)
      try makeDirectory(ancestor)
    }
    return directory.pushing(file)
  }

  private func makeDirectory(_ path: FilePath) throws {
    guard !FileWalk.isDirectory(path) else { return }
    let made = path.withPlatformString { mkdir($0, 0o777) }
    guard made == 0 || errno == EEXIST else { throw Failure("\(path.escaped): \(Errno(rawValue: errno))") }
  }

  private func image(_ path: FilePath) throws(Refusal) -> RGBImage {
    let file = try Candidate(opening: path)
    do throws(DecodingFailure) {
      return try RGBImage.decode(descriptor: file.descriptor.rawValue, limits: limits)
    } catch {
      throw Refusal(reason: error.reason, detail: error.detail)
    }
  }
}

extension RGBImage {
  /// Mean absolute difference of two images of one size, in grey levels.
  fileprivate func difference(from other: RGBImage) -> Double {
    var sum = 0
    pixels.withUnsafeBufferPointer { one in
      other.pixels.withUnsafeBufferPointer { other in
        for index in 0..<min(one.count, other.count) { sum += abs(Int(one[index]) - Int(other[index])) }
      }
    }
    return Double(sum) / Double(max(pixels.count, 1))
  }
}
