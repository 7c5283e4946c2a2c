import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct WinogradTests {
  /// One call with random numbers: any number of rows and columns, columns padded or not, channels of all kinds that it
  /// takes.
  private struct Call {
    let convolution: Convolution
    let shape: BandShape
    /// (row, column, channel), as in memory.
    var source: [Float]
    /// What the destination holds before.
    let residual: [Float]
    let parameters: ConvolutionParameters

    init(seed: UInt64, rows: Int, width: Int, channels: (Int, Int)? = nil) {
      var random = SeededGenerator(seed: seed)
      func numbers(_ count: Int, _ range: ClosedRange<Float>) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &random) }
      }
      let inputs = channels?.0 ?? [32, 48, 64, 96].randomElement(using: &random) ?? 32
      let outputs = channels?.1 ?? [32, 64].randomElement(using: &random) ?? 32
      let padding = Padding(before: Int.random(in: 0...2, using: &random), after: Int.random(in: 0...2, using: &random))
      // A source of one column at least.
      let columns = max(1, width + 2 - padding.before - padding.after)
      let convolution = Convolution(
        inputChannels: inputs, outputChannels: outputs, window: Window(kernel: 3, padding: padding),
        activation: [.none, .relu, .relu6].randomElement(using: &random) ?? .none)
      shape = BandShape(
        operation: .convolution(convolution, adding: Bool.random(using: &random)), sourceType: .fp32,
        destinationType: .fp32, width: columns, rows: rows, threads: 1)
      self.convolution = convolution
      source = numbers(shape.source.reduce(1, *), 0...1)
      residual = numbers(shape.destination.reduce(1, *), -1...1)
      parameters = ConvolutionParameters(
        weights: numbers(convolution.weightCount, -0.1...0.1), bias: numbers(outputs, -1...1))
    }

    func run(_ instructions: WinogradOperation.Instructions, threads: Int) throws -> [Float] {
      let engine = try Engine()
      var shape = shape
      shape.threads = threads
      let operation = try #require(WinogradOperation(shape, instructions: instructions))
      let layer = try Layer(convolution, parameters, source: Encoding(type: .fp32), engine: engine)
      let input = try AlignedBuffer(copying: source)
      // Behind its end, nothing is to change.
      let guarded = residual + Array(repeating: 12_345, count: 64)
      let output = try AlignedBuffer(copying: guarded)
      let scratchpad = try AlignedBuffer(size: operation.scratchpadSize)
      try operation.run(
        from: input.address, to: output.address,
        parameters: (try layer.weights(operation.weights, engine: engine), layer.bias),
        scratchpad: scratchpad.address, on: engine)
      let result = output.address.assumingMemoryBound(to: Float.self)
      let all = (0..<guarded.count).map { result[$0] }
      #expect(all.suffix(64) == guarded.suffix(64))
      return Array(all.prefix(residual.count))
    }

    /// By the definition, in Double.
    var expected: [Double] {
      let (inputs, outputs) = (convolution.inputChannels, convolution.outputChannels)
      let (height, columns) = (shape.source[2], shape.source[3])
      let (rows, width) = (shape.destination[2], shape.destination[3])
      guard case .convolution(_, let adding) = shape.operation else { return [] }
      var result: [Double] = []
      result.reserveCapacity(residual.count)
      for position in 0..<rows * width {
        var sums = parameters.bias.map { Double($0) }
        for tap in 0..<9 {
          let row = position / width + tap / 3
          let column = position % width + tap % 3 - convolution.window.padding.before
          guard (0..<height).contains(row), (0..<columns).contains(column) else { continue }
          for input in 0..<inputs {
            let value = Double(source[(row * columns + column) * inputs + input])
            for output in 0..<outputs {
              sums[output] += value * Double(parameters.weights[(output * inputs + input) * 9 + tap])
            }
          }
        }
        for output in 0..<outputs {
          let sum = sums[output] + (adding ? Double(residual[position * outputs + output]) : 0)
          switch convolution.activation {
          case .none: result.append(sum)
          case .relu: result.append(max(sum, 0))
          case .relu6: result.append(min(max(sum, 0), 6))
          }
        }
      }
      return result
    }
  }

  private static let instructions = WinogradOperation.Instructions.allCases.filter(\.areAvailable)

  @Test(.enabled(if: !instructions.isEmpty, "skipped: this processor has no AVX2"))
  func agreesWithTheDefinition() throws {
    let start = UInt64.random(in: 0..<1_000_000)
    for seed in start..<start + 24 {
      var random = SeededGenerator(seed: seed)
      let call = Call(
        seed: seed, rows: Int.random(in: 1...9, using: &random), width: Int.random(in: 1...11, using: &random))
      let expected = call.expected
      let scale = expected.reduce(1) { max($0, abs($1)) }
      for instructions in Self.instructions {
        let result = try call.run(instructions, threads: Int.random(in: 1...3, using: &random))
        try #require(result.count == expected.count)
        let difference = zip(result, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(difference <= 4e-6 * scale, "seed \(seed), \(call.shape), \(instructions)")
      }
    }
  }

  /// Each number is the same sum, whoever makes it: threads with blocks of their own, or all on one.
  @Test(.enabled(if: !instructions.isEmpty, "skipped: this processor has no AVX2"))
  func theNumberOfThreadsChangesNothing() throws {
    for (seed, (rows, width)) in [(4, 4), (4, 150), (9, 31), (1, 70)].enumerated() {
      let call = Call(seed: UInt64(seed), rows: rows, width: width, channels: (32, 96))
      for instructions in Self.instructions {
        let single = try call.run(instructions, threads: 1)
        for threads in [2, 3, 8] {
          #expect(try call.run(instructions, threads: threads) == single, "\(rows)×\(width), \(threads) threads")
        }
      }
    }
  }

  /// Not a NaN in, a zero out: the score has to be one that nobody takes for a number.
  @Test(.enabled(if: !instructions.isEmpty, "skipped: this processor has no AVX2"))
  func aNaNStaysOne() throws {
    var call = Call(seed: 5, rows: 4, width: 4, channels: (32, 32))
    call.source[100] = .nan
    for instructions in Self.instructions {
      #expect(try call.run(instructions, threads: 1).contains { $0.isNaN })
    }
  }

  /// Everything else is oneDNN's, and what is left to it does not depend on the band.
  @Test func itIsForFewKindsOfLayers() throws {
    func isTaken(
      _ inputs: Int, _ outputs: Int, groups: Int = 1, kernel: Int = 3, stride: Int = 1, type: DataType = .fp32
    ) -> Bool {
      let window = Window(kernel: kernel, stride: stride, padding: Padding(1))
      let convolution = Convolution(
        inputChannels: inputs, outputChannels: outputs, groups: groups, window: window, activation: .relu)
      let shape = BandShape(
        operation: .convolution(convolution, adding: false), sourceType: type, destinationType: .fp32, width: 20,
        rows: 4, threads: 1)
      return WinogradOperation(shape) != nil
    }
    #expect(isTaken(64, 64) == !Self.instructions.isEmpty)
    #expect(isTaken(48, 32) == !Self.instructions.isEmpty)
    #expect(!isTaken(33, 64) && !isTaken(64, 48) && !isTaken(16, 64))
    #expect(!isTaken(64, 64, groups: 64) && !isTaken(64, 64, kernel: 5) && !isTaken(64, 64, stride: 2))
    #expect(!isTaken(64, 64, type: .bf16))
  }
}
