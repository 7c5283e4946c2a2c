/// Linear between neighbours, as NumPy's default.
package enum Quantile {
  /// - Parameter sorted: at least one value.
  package static func of(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let index = min(Int(place), sorted.count - 1)
    let next = sorted[min(index + 1, sorted.count - 1)]
    return sorted[index] + (next - sorted[index]) * (place - Double(index))
  }
}
