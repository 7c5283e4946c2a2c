import Testing

@testable import NeuralNetwork

@Suite struct ConvolutionParametersTests {
  private let normalization = BatchNormalization(
    gamma: [2, -1], beta: [0.5, 3], mean: [1, -2], variance: [4, 0.25], epsilon: 0)

  /// γ (x − mean) / √variance + β, by hand.
  @Test func foldsBatchNorm() throws {
    let folded = try ConvolutionParameters(weights: [1, 2, 3, 4], folding: normalization)
    #expect(folded.weights == [1, 2, -6, -8])
    #expect(folded.bias == [-0.5, -1])
  }

  @Test func refusesWhatCannotBeFolded() {
    func refused(_ change: (inout BatchNormalization) -> Void, weights: [Float] = [1, 2, 3, 4]) -> Bool {
      var changed = normalization
      change(&changed)
      do throws(NetworkError) {
        _ = try ConvolutionParameters(weights: weights, folding: changed)
        return false
      } catch {
        return error.code == .badParameters
      }
    }
    #expect(!refused { _ in })
    #expect(refused { $0.variance[1] = -1 })
    #expect(refused { $0.variance[1] = .infinity })
    #expect(refused { $0.gamma[0] = .nan })
    #expect(refused { $0.mean.removeLast() })
    #expect(refused({ _ in }, weights: [1, 2, 3]))
    #expect(refused({ _ in }, weights: [1, .nan, 3, 4]))
    #expect(refused({ _ in }, weights: [1, -.infinity, 3, 4]))
    // Finite, but not after folding.
    #expect(refused({ $0.gamma[0] = 1e30 }, weights: [1e30, 2, 3, 4]))
  }
}
