import TestSupport
import Testing

@testable import NeuralNetwork

/// The convolutions that nothing is compiled for, but Winograd's, against the definition.
@Suite struct OwnConvolutionTests {
  /// One call with random numbers that its types can hold.
  private struct Call {
    let convolution: Convolution
    let shape: BandShape
    /// (row, column, channel), as in memory.
    var source: [Float]
    /// What the destination holds before.
    let residual: [Float]
    let parameters: ConvolutionParameters

    init(
      _ convolution: Convolution, rows: Int, columns: Int, adding: Bool, types: (DataType, DataType), seed: UInt64
    ) {
      var random = SeededGenerator(seed: seed)
      func numbers(_ count: Int, _ range: ClosedRange<Float>, _ type: DataType) -> [Float] {
        (0..<count).map { _ in Self.rounded(Float.random(in: range, using: &random), to: type) }
      }
      self.convolution = convolution
      shape = BandShape(
        operation: .convolution(convolution, adding: adding), sourceType: types.0, destinationType: types.1,
        width: columns, rows: rows, threads: 1)
      source = numbers(shape.source.reduce(1, *), 0...1, types.0)
      residual = numbers(shape.destination.reduce(1, *), -1...1, types.1)
      parameters = ConvolutionParameters(
        weights: numbers(convolution.weightCount, -0.2...0.2, types.0),
        bias: numbers(convolution.outputChannels, -1...1, .fp32))
    }

    static func rounded(_ value: Float, to type: DataType) -> Float {
      type == .fp32 ? value : Float(bitPattern: UInt32(BFloat16.rounding(value)) << 16)
    }

    private static func buffer(_ values: [Float], as type: DataType) throws -> AlignedBuffer {
      try type == .fp32 ? AlignedBuffer(copying: values) : AlignedBuffer(copying: values.map(BFloat16.rounding))
    }

    func run(threads: Int) throws -> [Float] {
      let engine = try Engine()
      var shape = shape
      shape.threads = threads
      let operation: any BandOperation
      if convolution.groups > 1 {
        operation = try #require(DepthwiseOperation(shape))
      } else {
        operation = try #require(PointwiseOperation(shape))
      }
      let layer = try Layer(convolution, parameters, source: Encoding(type: shape.sourceType), engine: engine)
      let input = try Self.buffer(source, as: shape.sourceType)
      // Behind its end, nothing is to change.
      let type = shape.destinationType
      let guarded = residual + Array(repeating: 4_096, count: 64)
      let output = try Self.buffer(guarded, as: type)
      let scratchpad = try AlignedBuffer(size: operation.scratchpadSize)
      try operation.run(
        from: input.address, to: output.address,
        parameters: (try layer.weights(operation.weights, engine: engine), layer.bias), scratchpad: scratchpad.address,
        on: engine)
      let all = [Float](unsafeUninitializedCapacity: guarded.count) { buffer, count in
        guard let target = buffer.baseAddress else { return }
        Encoding(type: type).decode(output.address, into: target, count: guarded.count)
        count = guarded.count
      }
      #expect(all.suffix(64) == guarded.suffix(64))
      return Array(all.prefix(residual.count))
    }

    /// By the definition, in Double.
    var expected: [Double] {
      let window = convolution.window
      let (height, columns) = (shape.source[2], shape.source[3])
      let (rows, width) = (shape.destination[2], shape.destination[3])
      let inputs = convolution.inputChannels / convolution.groups
      guard case .convolution(_, let adding) = shape.operation else { return [] }
      var result: [Double] = []
      for position in 0..<rows * width {
        for output in 0..<convolution.outputChannels {
          let first = convolution.groups > 1 ? output : 0
          var sum = Double(parameters.bias[output])
          for tap in 0..<window.kernel * window.kernel {
            let row = position / width * window.stride + tap / window.kernel
            let column = position % width * window.stride + tap % window.kernel - window.padding.before
            guard (0..<height).contains(row), (0..<columns).contains(column) else { continue }
            for input in 0..<inputs {
              let weight = parameters.weights[(output * inputs + input) * window.kernel * window.kernel + tap]
              let value = source[(row * columns + column) * convolution.inputChannels + first + input]
              sum += Double(value) * Double(weight)
            }
          }
          if adding { sum += Double(residual[position * convolution.outputChannels + output]) }
          switch convolution.activation {
          case .none: result.append(sum)
          case .relu: result.append(max(sum, 0))
          case .relu6: result.append(min(max(sum, 0), 6))
          }
        }
      }
      return result
    }

    /// Of the largest result. What is stored in bf16 is rounded once.
    var tolerance: Double { shape.destinationType == .fp32 ? 4e-6 : 0x1.1p-8 }
  }

  private static let types: [(DataType, DataType)] = [(.fp32, .fp32), (.bf16, .bf16), (.bf16, .fp32)].filter {
    $0.0.own != nil
  }

  private static func pointwise(_ inputs: Int, _ outputs: Int, stride: Int = 1, _ activation: Activation = .relu6)
    -> Convolution
  {
    Convolution(
      inputChannels: inputs, outputChannels: outputs, window: Window(kernel: 1, stride: stride), activation: activation)
  }

  private static func depthwise(
    _ channels: Int, kernel: Int, stride: Int, padding: Padding, _ activation: Activation = .relu6
  ) -> Convolution {
    Convolution(
      inputChannels: channels, outputChannels: channels, groups: channels,
      window: Window(kernel: kernel, stride: stride, padding: padding), activation: activation)
  }

  private static func random(seed: UInt64, types: (DataType, DataType)) -> Call {
    var random = SeededGenerator(seed: seed)
    let activation = [Activation.none, .relu, .relu6].randomElement(using: &random) ?? .none
    let stride = Int.random(in: 1...2, using: &random)
    let rows = Int.random(in: 1...7, using: &random)
    var columns = Int.random(in: 1...40, using: &random)
    if Bool.random(using: &random) {
      return Call(
        pointwise(
          2 * Int.random(in: 1...50, using: &random), Int.random(in: 1...100, using: &random), stride: stride,
          activation),
        rows: rows, columns: columns, adding: Bool.random(using: &random), types: types, seed: seed)
    }
    let kernel = [3, 5].randomElement(using: &random) ?? 3
    let padding = Padding(
      before: Int.random(in: 0..<kernel, using: &random), after: Int.random(in: 0..<kernel, using: &random))
    columns = max(columns, kernel - padding.before - padding.after)
    return Call(
      depthwise(
        16 * Int.random(in: 1...3, using: &random), kernel: kernel, stride: stride, padding: padding, activation),
      rows: rows, columns: columns, adding: false, types: types, seed: seed)
  }

  @Test(.enabled(if: !types.isEmpty, "skipped: this processor has no AVX-512"))
  func agreesWithTheDefinition() throws {
    let start = UInt64.random(in: 0..<1_000_000)
    for seed in start..<start + 60 {
      for types in Self.types {
        let call = Self.random(seed: seed, types: types)
        let expected = call.expected
        let scale = expected.reduce(1) { max($0, abs($1)) }
        let result = try call.run(threads: Int(seed % 3) + 1)
        try #require(result.count == expected.count)
        let difference = zip(result, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(difference <= call.tolerance * scale, "seed \(seed), \(types), \(call.shape)")
      }
    }
  }

  /// Each number is the same sum, whoever makes it and whatever else is in the band.
  @Test(.enabled(if: !types.isEmpty, "skipped: this processor has no AVX-512"))
  func theNumberOfThreadsChangesNothing() throws {
    for types in Self.types {
      for (columns, adding) in [(3, false), (77, true), (400, false)] {
        let calls = [
          Call(Self.pointwise(40, 72), rows: 2, columns: columns, adding: adding, types: types, seed: 1),
          Call(
            Self.depthwise(48, kernel: 5, stride: 1, padding: Padding(2)), rows: 2, columns: columns, adding: false,
            types: types, seed: 2),
        ]
        for call in calls {
          let single = try call.run(threads: 1)
          for threads in [2, 3, 8] {
            #expect(try call.run(threads: threads) == single, "\(call.shape), \(threads) threads")
          }
        }
      }
    }
  }

  /// More pixels than a thread takes through all channels at a time, and more channels than are gathered at a time.
  @Test(.enabled(if: !types.isEmpty, "skipped: this processor has no AVX-512"))
  func largeBandsAgreeWithTheDefinition() throws {
    for types in Self.types {
      for call in [
        Call(Self.pointwise(1_024, 33), rows: 1, columns: 200, adding: true, types: types, seed: 3),
        Call(Self.pointwise(6, 20, stride: 2), rows: 20, columns: 99, adding: false, types: types, seed: 4),
      ] {
        let expected = call.expected
        let scale = expected.reduce(1) { max($0, abs($1)) }
        let difference = zip(try call.run(threads: 2), expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(difference <= 4 * call.tolerance * scale, "\(call.shape), \(types)")
      }
    }
  }

  /// Not a NaN in, a zero out: the score has to be one that nobody takes for a number.
  @Test(.enabled(if: !types.isEmpty, "skipped: this processor has no AVX-512"))
  func aNaNStaysOne() throws {
    for types in Self.types {
      for convolution in [
        Self.pointwise(32, 16), Self.depthwise(32, kernel: 3, stride: 1, padding: Padding(1)),
      ] {
        var call = Call(convolution, rows: 2, columns: 6, adding: false, types: types, seed: 5)
        call.source[150] = .nan
        #expect(try call.run(threads: 1).contains { $0.isNaN })
      }
    }
  }

  /// What is left to oneDNN does not depend on the band.
  @Test(.enabled(if: !types.isEmpty, "skipped: this processor has no AVX-512"))
  func theyAreForFewKindsOfLayers() {
    func shape(_ convolution: Convolution, _ type: DataType = .fp32, adding: Bool = false) -> BandShape {
      BandShape(
        operation: .convolution(convolution, adding: adding), sourceType: type, destinationType: type, width: 20,
        rows: 4, threads: 1)
    }
    #expect(PointwiseOperation(shape(Self.pointwise(2, 1))) != nil)
    #expect(PointwiseOperation(shape(Self.pointwise(3, 8))) == nil)
    #expect(PointwiseOperation(shape(Self.pointwise(4, 8), .u8)) == nil)
    let depthwise = Self.depthwise(32, kernel: 3, stride: 1, padding: Padding(1))
    #expect(PointwiseOperation(shape(depthwise)) == nil)
    #expect(DepthwiseOperation(shape(depthwise)) != nil)
    #expect(DepthwiseOperation(shape(depthwise, adding: true)) == nil)
    #expect(DepthwiseOperation(shape(Self.depthwise(24, kernel: 3, stride: 1, padding: Padding(1)))) == nil)
    #expect(DepthwiseOperation(shape(Self.depthwise(32, kernel: 7, stride: 1, padding: Padding(3)))) == nil)
    #expect(DepthwiseOperation(shape(Self.pointwise(32, 32))) == nil)
  }
}
