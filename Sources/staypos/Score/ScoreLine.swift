import StayposCore

/// What people read of one file.
enum ScoreLine {
  static let header = "VERDICT     PROBABILITY      LOGIT  FILE"

  /// Columns for a terminal; for a pipe verdict, probability, logit, path and reason between tabs.
  static func text(_ examination: Examination, columns: Bool) -> String {
    let verdict = examination.verdict.name.rawValue
    let bound = examination.score?.isLowerBound == true ? "≥" : ""
    let probability = examination.score.map { bound + $0.probability.fixed(4) } ?? "-"
    let logit = examination.score.map { bound + $0.logit.fixed(4, signed: true) } ?? "-"
    let path = examination.path.escaped
    let reason = examination.verdict.reason.map { reason in
      reason.rawValue + (examination.detail.map { ": \(Console.printable($0))" } ?? "")
    }
    guard columns else { return [verdict, probability, logit, path, reason ?? ""].joined(separator: "\t") }
    return Console.paint(verdict.padded(10), colour(examination.verdict)) + probability.leftPadded(13)
      + logit.leftPadded(11) + "  " + path + (reason.map { "  " + Console.paint("(\($0))", .dim) } ?? "")
  }

  static func colour(_ verdict: Verdict) -> Console.Colour {
    switch verdict {
    case .flagged: .red
    case .clear: .green
    case .notScored: .yellow
    }
  }
}
