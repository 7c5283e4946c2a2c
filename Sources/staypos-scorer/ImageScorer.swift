import Detection
import Filesystem
import Glibc
import ImageDecoding
import Scoring
import StayposCore
import SystemPackage

/// Decoder and detector in one.
struct ImageScorer {
  let model: ScorerModel
  private let detector: Detector
  private let maximumThreads: Int
  /// Pixels from which on several threads pay: until they lie on different processors, a smaller image is ready.
  private static let parallelPixels = 1 << 20

  /// - Parameters:
  ///   - model: an open model file.
  ///   - threads: of one image at most.
  ///   - memoryLimit: of the whole process. The network, its weights and its working memory for one image, gets three
  ///     quarters; the decoder and the runtime share the rest.
  init(model descriptor: CInt, precision: Precision, threads: Int, memoryLimit: Int?) throws(LoadError) {
    do throws(DetectionError) {
      detector = try Detector.load(
        descriptor: descriptor, precision: precision, threads: threads, memoryLimit: memoryLimit.map { $0 / 4 * 3 })
    } catch {
      throw LoadError(description: error.description)
    }
    maximumThreads = threads
    let info = detector.model
    model = ScorerModel(
      name: info.name, sha256: info.sha256, threshold: info.threshold,
      head: info.head == .positive ? .positive : .linear,
      precision: detector.precision, minimumSize: info.minimumSize)
  }

  /// One run on the smallest image, with all threads: whatever the libraries open or compile at first use is there
  /// afterwards, and a network that cannot run, or not in this memory, is noticed now.
  func warmUp() throws(LoadError) {
    let size = ImageSize(width: model.minimumSize, height: model.minimumSize)
    let image = RGBImage(size: size, pixels: [UInt8](repeating: 128, count: size.width * size.height * 3))
    let outcome: ScoringOutcome
    do throws(DetectionError) {
      outcome = try detector.score(image)
    } catch {
      throw LoadError(description: error.description)
    }
    if case .notScored(_, let detail) = outcome {
      throw LoadError(description: "the model cannot score the smallest image: \(detail)")
    }
  }

  func score(_ image: borrowing Descriptor, _ request: ScorerRequest) -> ScoringOutcome {
    var reader: ImageReader
    do throws(DecodingFailure) {
      reader = try ImageReader(descriptor: image.rawValue, limits: request.limits)
    } catch {
      return .notScored(error.reason, detail: error.detail)
    }
    let isLarge = reader.size.width * reader.size.height >= Self.parallelPixels
    detector.threads = isLarge ? min(max(request.threads, 1), maximumThreads) : 1
    // Several threads need more memory: what one can score does not depend on who else waits.
    if detector.threads > 1, !detector.fits(reader.size) { detector.threads = 1 }
    do throws(DetectionError) {
      guard let threshold = request.earlyExit else { return try detector.score(&reader) }
      return try detector.score(&reader, stoppingAt: threshold).outcome
    } catch {
      // The model's or the library's fault, not the image's: there is no verdict that would be true.
      _ = try? FileDescriptor.standardError.writeAll("staypos-scorer: \(error.description)\n".utf8)
      exit(EX_SOFTWARE)
    }
  }
}

struct LoadError: Error, CustomStringConvertible {
  var description: String
}
