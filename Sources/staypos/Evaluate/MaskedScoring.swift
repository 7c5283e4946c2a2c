import Datasets
import Detection
import Evaluation
import Filesystem
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

/// Scores images of which a mask says what was generated, and looks where the evidence lies.
struct MaskedScoring {
  let limits: ImageLimits
  let threshold: Threshold

  /// Pixels of an image that are compared with its mask, at most about: every second, third … row and column of a larger one.
  private static let sampleLimit = 1_000_000

  /// Image and mask, and what they come from.
  private static let bytesPerPixel = 12

  func score(
    _ image: LabelledImage, mask: FilePath, _ worker: ScoringPool.Worker
  ) -> (ScoreTable.Outcome?, Localisation?) {
    do throws(Refusal) {
      let (score, map, mask) = try explained(image.path, mask, worker)
      let geometry = MapGeometry(worker.detector.model.architecture)
      return (.logit(score.logit), map.map { localisation($0, geometry, mask, bias: score.bias) })
    } catch {
      return (.notScored(error.reason, detail: error.detail), nil)
    }
  }

  private func explained(
    _ image: FilePath, _ mask: FilePath, _ worker: ScoringPool.Worker
  ) throws(Refusal) -> (Score, EvidenceMap?, mask: RGBImage) {
    let file = try Candidate(opening: image)
    var reader = try reader(file, image)
    let room = worker.takeMemory(for: reader.size, bytesPerPixel: Self.bytesPerPixel)
    defer { worker.giveBackMemory(room) }
    let decoded = try pixels(&reader, image)
    let maskFile = try Candidate(opening: mask)
    var maskReader = try self.reader(maskFile, mask)
    guard maskReader.size == decoded.size else {
      throw Refusal(
        reason: .corrupt,
        detail: "the image has \(decoded.size.width)×\(decoded.size.height) pixels, its mask "
          + "\(maskReader.size.width)×\(maskReader.size.height)")
    }
    let marks = try pixels(&maskReader, mask)
    let (outcome, map): (ScoringOutcome, EvidenceMap?)
    do throws(DetectionError) {
      (outcome, map) = try worker.detector.explain(decoded)
    } catch {
      throw Refusal(reason: .noModel, detail: error.message)
    }
    switch outcome {
    case .notScored(let reason, let detail): throw Refusal(reason: reason, detail: detail)
    case .scored(let score, _): return (score, map, marks)
    }
  }

  /// A place counts as generated if an image that looked like it everywhere would be flagged.
  private func localisation(_ map: EvidenceMap, _ geometry: MapGeometry, _ mask: RGBImage, bias: Double) -> Localisation
  {
    let (width, height) = (mask.size.width, mask.size.height)
    let step = max(1, Int((Double(width * height) / Double(Self.sampleLimit)).squareRoot().rounded(.up)))
    var evidence: [Double] = []
    var marks: [Bool] = []
    for y in stride(from: step / 2, to: height, by: step) {
      for x in stride(from: step / 2, to: width, by: step) {
        evidence.append(map.value(atColumn: Double(x), row: Double(y), geometry))
        marks.append(mask.pixels[3 * (y * width + x)] >= 128)
      }
    }
    let cut = log(threshold.value / (1 - threshold.value)) - bias
    return Localisation(evidence: evidence, mask: marks, cut: cut)
  }

  private func reader(_ file: borrowing Candidate, _ path: FilePath) throws(Refusal) -> ImageReader {
    do throws(DecodingFailure) {
      return try ImageReader(descriptor: file.descriptor.rawValue, limits: limits)
    } catch {
      throw Refusal(reason: error.reason, detail: "\(path.escaped): \(error.detail)")
    }
  }

  private func pixels(_ reader: inout ImageReader, _ path: FilePath) throws(Refusal) -> RGBImage {
    do throws(DecodingFailure) {
      return try RGBImage(readingAll: &reader, limits: limits)
    } catch {
      throw Refusal(reason: error.reason, detail: "\(path.escaped): \(error.detail)")
    }
  }
}

/// Masks beside a data set: below their directory the path of the image below the data set, with or without the directory
/// that is its label, and any ending of an image.
struct MaskDirectory {
  let path: FilePath

  /// Nil if there is none.
  func mask(of image: LabelledImage) -> FilePath? {
    let components = Array(image.name.components)
    let label = components.dropLast().firstIndex { Label(directory: $0.string) != nil }
    let without = label.map { index in components.enumerated().filter { $0.offset != index }.map(\.element) }
    for candidate in [components, without].compactMap({ $0 }) {
      var file = path.pushing(FilePath(root: nil, candidate))
      for ending in [file.extension, "png", "jpg", "jpeg"] {
        file.extension = ending
        if file.withPlatformString({ access($0, R_OK) }) == 0 { return file }
      }
    }
    return nil
  }
}
