/// Zeros before the first and after the last row; the same for columns. A max pooling cannot tell them from nothing: see
/// ``Graph/maxPooling(_:of:)``.
package struct Padding: Hashable, Sendable {
  package var before: Int
  package var after: Int

  package init(before: Int, after: Int) {
    self.before = before
    self.after = after
  }

  package init(_ both: Int) {
    self.init(before: both, after: both)
  }
}

/// A square window that moves over an image. Never wholly in the padding.
package struct Window: Hashable, Sendable {
  package var kernel: Int
  package var stride: Int
  package var padding: Padding

  package init(kernel: Int, stride: Int = 1, padding: Padding = Padding(0)) {
    precondition(kernel > 0 && stride > 0)
    precondition(0..<kernel ~= padding.before && 0..<kernel ~= padding.after)
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// Rows (columns) of output; 0 if the window does not fit.
  package func outputLength(_ length: Int) -> Int {
    let range = length + padding.before + padding.after - kernel
    return range < 0 ? 0 : range / stride + 1
  }
}

/// What follows a convolution (and the residual sum, if there is one).
package enum Activation: Hashable, Sendable {
  case none
  /// max(x, 0)
  case relu
  /// min(max(x, 0), 6)
  case relu6
}

/// A convolution with bias.
package struct Convolution: Hashable, Sendable {
  package var inputChannels: Int
  package var outputChannels: Int
  /// 1, or as many as channels: depthwise.
  package var groups: Int
  package var window: Window
  package var activation: Activation

  package init(
    inputChannels: Int, outputChannels: Int, groups: Int = 1, window: Window, activation: Activation = .none
  ) {
    precondition(groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0)
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.groups = groups
    self.window = window
    self.activation = activation
  }

  /// (O, I/groups, k, k)
  package var weightShape: [Int] {
    [outputChannels, inputChannels / groups, window.kernel, window.kernel]
  }

  package var weightCount: Int { weightShape.reduce(1, *) }
}
