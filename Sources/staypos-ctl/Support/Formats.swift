import StayposCore
import SystemPackage

/// A path of a reply, for people: control characters and bytes that are not UTF-8 escaped.
func shown(_ path: String, _ base64: String?) -> String {
  FilePath(json: path, base64: base64)?.escaped ?? FilePath(path).escaped
}

/// Words of the daemon or of a library that may repeat what an upload says.
func shown(_ text: String) -> String {
  FilePath(text).escaped
}

/// `1 file`, `2 files`
func counted(_ count: Int, _ one: String, _ many: String) -> String {
  "\(count) \(count == 1 ? one : many)"
}

/// `3 d 4 h`, `12 min 5 s`, `0.4 s`
func shown(seconds: Double) -> String {
  guard seconds >= 60 else { return "\((seconds * 10).rounded() / 10) s" }
  let whole = Int(seconds)
  let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
  if days > 0 { return "\(days) d \(hours) h" }
  return hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(whole % 60) s"
}

/// `512 B`, `1.4 MB`
func shown(bytes: Int64) -> String {
  var value = Double(bytes)
  var unit = "B"
  for next in ["kB", "MB", "GB", "TB"] where value >= 1000 {
    value /= 1000
    unit = next
  }
  return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)"
}

extension Timestamp {
  /// RFC 3339, or how long ago: a number and `s`, `min`, `h` or `d`.
  init?(argument: String) {
    if let time = Timestamp(rfc3339: argument) {
      self = time
      return
    }
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    let units = ["s": 1, "min": 60, "h": 3600, "d": 86_400]
    guard let number = Int64(digits), number < 1_000_000, let unit = units[String(argument.dropFirst(digits.count))]
    else { return nil }
    self = Timestamp.now.advanced(by: .seconds(-number * Int64(unit)))
  }
}
