import ControlInterface
import TestSupport
import Testing

struct FramerTests {
  /// Whatever the pieces in which bytes arrive, the same messages come out.
  @Test(arguments: 0..<40)
  func anySplit(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let messages: [[UInt8]] = (0..<Int.random(in: 0...12, using: &random)).map { _ in
      (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }
    }
    let stream: [UInt8] = messages.flatMap { $0 + [0] }
    var framer = VarlinkFramer(limit: 300)
    var found: [[UInt8]] = []
    var rest = stream[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...120, using: &random))
      framer.append(piece)
      rest = rest.dropFirst(piece.count)
      // Not always taken at once.
      if Bool.random(using: &random) { while let message = try framer.next() { found.append(message) } }
    }
    while let message = try framer.next() { found.append(message) }
    #expect(found == messages, "seed \(seed)")
    #expect(framer.pendingCount == 0)
  }

  @Test func refusesAnEndlessMessage() throws {
    var framer = VarlinkFramer(limit: 10)
    framer.append([UInt8](repeating: 1, count: 10))
    #expect(try framer.next() == nil)
    framer.append([1])
    #expect(throws: VarlinkFramingError.self) { try framer.next() }
  }

  @Test func refusesAMessageThatIsTooLongAndEnded() throws {
    var framer = VarlinkFramer(limit: 10)
    framer.append([UInt8](repeating: 1, count: 11) + [0])
    #expect(throws: VarlinkFramingError.self) { try framer.next() }
  }

  @Test func takesAMessageOfExactlyTheLimit() throws {
    var framer = VarlinkFramer(limit: 10)
    framer.append([UInt8](repeating: 1, count: 10) + [0, 2])
    #expect(try framer.next() == [UInt8](repeating: 1, count: 10))
    #expect(framer.pendingCount == 1)
  }
}
