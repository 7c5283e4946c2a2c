import Detection
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

/// Scores that were made before: the lines of `staypos score --json` or `staypos-ctl history --json`.
struct ScoreLines {
  /// Of each image once: its latest score, or the last line where no time is said.
  private(set) var logits: [Double] = []
  /// Lines without a score.
  private(set) var notScored = 0
  /// The one model that made all of them.
  private(set) var model: SHA256Digest?
  /// The one precision that the lines say; nil if they say none, as those of a history.
  private(set) var precision: Precision?

  /// Of each image among the logits, and when it was scored, if that is said.
  private var places: [SHA256Digest: (index: Int, time: String?)] = [:]

  /// - Parameter paths: `-` is standard input.
  init(_ paths: [FilePath]) throws(Failure) {
    for path in paths {
      let isInput = path == "-"
      guard let stream = isInput ? fdopen(dup(STDIN_FILENO), "r") : path.withPlatformString({ fopen($0, "r") }) else {
        throw Failure("\(path.escaped): \(Errno(rawValue: errno))")
      }
      defer { fclose(stream) }
      try read(stream, path)
    }
  }

  private mutating func read(_ stream: UnsafeMutablePointer<FILE>, _ path: FilePath) throws(Failure) {
    var buffer: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(buffer) }
    var number = 0
    while true {
      let count = getline(&buffer, &capacity, stream)
      guard count > 0, let buffer else { break }
      number += 1
      let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
      guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)) else {
        throw Failure("\(path.escaped), line \(number): no line of staypos score --json or staypos-ctl history --json")
      }
      if let complaint = take(line) { throw Failure("\(path.escaped), line \(number): \(complaint)") }
    }
    guard ferror(stream) == 0 else { throw Failure("\(path.escaped): cannot be read to its end") }
  }

  /// - Returns: why nothing can be made of it.
  private mutating func take(_ line: Line) -> String? {
    guard let logit = line.logit, let made = line.model else {
      notScored += 1
      return nil
    }
    if line.lowerBound ?? false {
      return "the scan stopped early, and the score is a lower bound: score without early exit"
    }
    if let model, made != model {
      return "scores of another model, \(made): take those of one, for example with "
        + "jq -c 'select(.model == \"\(model)\")'"
    }
    model = made
    if let known = precision, let other = line.precision, other != known {
      return "scores in \(other.rawValue) beside others in \(known.rawValue): take those of one precision"
    }
    precision = precision ?? line.precision
    guard let image = line.sha256 else {
      logits.append(logit)
      return nil
    }
    if let place = places[image] {
      // RFC 3339, all in one form: they are ordered as texts are.
      if let time = line.time, let before = place.time, time < before { return nil }
      logits[place.index] = logit
    } else {
      logits.append(logit)
    }
    places[image] = (places[image]?.index ?? logits.count - 1, line.time)
    return nil
  }

  private struct Line: Decodable {
    var verdict: String
    var time: String?
    var logit: Double?
    var lowerBound: Bool?
    var sha256: SHA256Digest?
    var model: SHA256Digest?
    var precision: Precision?
  }
}
