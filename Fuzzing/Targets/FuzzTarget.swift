/// One parser, given any bytes. A target finds fault by crashing: what the sanitizers or Swift do for memory and arithmetic,
/// ``require(_:_:)`` does for what must be true of a result.
struct FuzzTarget: Sendable {
  let name: String
  /// Returns whether such input is worth mutating further.
  let run: @Sendable ([UInt8]) -> Bool

  init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Bool) {
    self.name = name
    self.run = run
  }

  static let all = [png, jpeg, safetensors, checkpoint, varlink, configuration, scorer, record]
}

/// A precondition that says in optimized code too what is wrong.
func require(_ condition: Bool, _ complaint: @autoclosure () -> String) {
  if !condition { fatalError(complaint()) }
}
