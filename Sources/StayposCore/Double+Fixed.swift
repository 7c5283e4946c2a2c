extension Double {
  /// With so many digits behind the point.
  package func fixed(_ digits: Int, signed: Bool = false) -> String {
    guard isFinite, abs(self) < 1e15 else { return "\(self)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (magnitude * scale).rounded()
    let whole = "\(Int((scaled / scale).rounded(.down)))"
    let fraction = "\(Int(scaled.truncatingRemainder(dividingBy: scale)))"
    let sign = self < 0 && scaled > 0 ? "-" : signed ? "+" : ""
    guard digits > 0 else { return sign + "\(Int(scaled))" }
    return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
