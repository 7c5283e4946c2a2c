import Testing

@testable import NeuralNetwork

@Suite struct RowWindowTests {
  /// In memory that is full of something else, and moved now and then.
  @Test func zerosLieAboveAndBelow() {
    let (rowSize, capacity) = (16, 5)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: rowSize * capacity, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
    guard let base = memory.baseAddress else { return }
    var window = RowWindow(at: base, rowSize: rowSize, capacity: capacity, margin: 2)
    func bytes(_ row: Int) -> [UInt8] {
      Array(UnsafeRawBufferPointer(start: window.address(of: row), count: rowSize))
    }
    let zeros = [UInt8](repeating: 0, count: rowSize)
    #expect(window.rows == -2..<0)
    #expect(bytes(-2) == zeros && bytes(-1) == zeros)
    for row in 0..<10 {
      window.append(1, keepingFrom: row - 2)
      window.address(of: row).initializeMemory(as: UInt8.self, repeating: UInt8(row + 1), count: rowSize)
      #expect(bytes(max(-1, row - 1)) == [UInt8](repeating: UInt8(row), count: rowSize))
    }
    window.appendZeros(3, keepingFrom: 8)
    #expect(window.rows == 8..<13)
    #expect(bytes(9) == [UInt8](repeating: 10, count: rowSize))
    #expect((10..<13).allSatisfy { bytes($0) == zeros })
  }
}
