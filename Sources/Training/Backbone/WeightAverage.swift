import NeuralNetwork

/// An exponential moving average of all that is trained, batch by batch, and of BatchNorm's running statistics: it keeps what
/// the batches of many steps agree on (Polyak and Juditsky 1992).
struct WeightAverage {
  let decay: Double
  var states: [ConvolutionState]
  /// As ``TrainableHead/parameters``.
  var head: [Double]

  /// - Parameter step: from 1 on. In the first steps what there was before counts for less than `decay` says.
  mutating func follow(_ newStates: [ConvolutionState], _ newHead: [Double], step: Int) {
    let share = 1 - min(decay, Double(1 + step) / Double(10 + step))
    for index in states.indices {
      Self.move(&states[index].weights, to: newStates[index].weights, by: Float(share))
      Self.move(&states[index].gamma, to: newStates[index].gamma, by: Float(share))
      Self.move(&states[index].beta, to: newStates[index].beta, by: Float(share))
      Self.move(&states[index].mean, to: newStates[index].mean, by: Float(share))
      Self.move(&states[index].variance, to: newStates[index].variance, by: Float(share))
    }
    Self.move(&head, to: newHead, by: share)
  }

  private static func move<Number: BinaryFloatingPoint>(_ average: inout [Number], to new: [Number], by share: Number) {
    precondition(average.count == new.count)
    for index in average.indices { average[index] += share * (new[index] - average[index]) }
  }
}
