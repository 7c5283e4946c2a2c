import Checkpoints
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  @Test func refusesWhatDoesNotFit() throws {
    var writer = SafetensorsWriter()
    #expect(throws: CheckpointError.self) { try writer.add("__metadata__", shape: [], floats: [1]) }
    #expect(throws: CheckpointError.self) { try writer.add("a", shape: [2], floats: [1]) }
    #expect(throws: CheckpointError.self) { try writer.add("a", shape: [-1], floats: []) }
    #expect(throws: CheckpointError.self) { try writer.add("a", shape: [.max, 2], floats: []) }
    try writer.add("a", shape: [1], floats: [1])
    let twice = #expect(throws: CheckpointError.self) { try writer.add("a", shape: [1], floats: [2]) }
    #expect(twice?.tensor == "a")
  }

  /// NUL and what terminals obey among them.
  @Test func anyNameComesBack() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("names.safetensors")
    let characters =
      (UInt32(0)...0x9F).compactMap { UnicodeScalar($0).map { String($0) } } + ["\u{2028}", "\u{202E}", "\u{E0001}"]
    let names = characters.map { "a\($0)b" } + ["", "\\", "\""]
    var writer = SafetensorsWriter(metadata: Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }))
    for name in names { try writer.add(name, shape: [1], floats: [1]) }
    try writer.write(to: path)
    let file = try SafetensorsFile(path: path)
    #expect(Set(file.tensors.keys) == Set(names))
    #expect(file.metadata.count == names.count && file.metadata.allSatisfy { $0.key == $0.value })
    let error = #expect(throws: CheckpointError.self) { _ = try file.floats("no\u{9B}31m\0\n") }
    let text = try #require(error?.description)
    #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(text)")
  }

  @Test func replacesAFileThatIsMapped() throws {
    let directory = TemporaryDirectory()
    let path = directory.path.appending("m.safetensors")
    var first = SafetensorsWriter()
    try first.add("x", shape: [4096], floats: Array(repeating: 1, count: 4096))
    try first.write(to: path)
    let old = try SafetensorsFile(path: path)
    var second = SafetensorsWriter()
    try second.add("x", shape: [1], floats: [2])
    try second.write(to: path)
    #expect(try old.floats("x") == Array(repeating: 1, count: 4096))
    let new = try SafetensorsFile(path: path)
    #expect(try new.floats("x") == [2])
    #expect(new.withFileBytes { Array($0) } == second.serialized())
  }

  @Test func leavesNothingBehindWhenItFails() throws {
    let directory = TemporaryDirectory()
    let path = directory.path.appending("taken")
    try #require(path.withPlatformString { mkdir($0, 0o700) } == 0)
    defer { _ = path.withPlatformString { rmdir($0) } }
    let error = #expect(throws: CheckpointError.self) { try SafetensorsWriter().write(to: path) }
    #expect(error?.errno == .isDirectory)
    let listing = try #require(directory.path.withPlatformString { opendir($0) })
    defer { closedir(listing) }
    var entries = 0
    while readdir(listing) != nil { entries += 1 }
    #expect(entries == 3)  // ".", ".." and "taken"
  }

  /// What a killed writer left is no obstacle, and goes.
  @Test func aTornFileIsWrittenOver() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("m.safetensors")
    directory.write(String(repeating: "x", count: 10_000), to: "m.safetensors.partial")
    var writer = SafetensorsWriter()
    try writer.add("x", shape: [1], floats: [2])
    try writer.write(to: path)
    #expect(try SafetensorsFile(path: path).withFileBytes { Array($0) } == writer.serialized())
    #expect(directory.path("m.safetensors.partial").withPlatformString { access($0, F_OK) } != 0)
  }

  @Test func twoWritersDoNotMix() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("m.safetensors")
    let other = directory.write("theirs", to: "m.safetensors.partial")
    let descriptor = other.withPlatformString { open($0, O_RDWR | O_CLOEXEC) }
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    let error = #expect(throws: CheckpointError.self) { try SafetensorsWriter().write(to: path) }
    #expect(error?.message == "another process is writing the file")
    var status = stat()
    #expect(fstat(descriptor, &status) == 0 && status.st_size == 6 && status.st_nlink == 1)
  }

  /// A file that does not pass its check does not replace the old one.
  @Test func whatIsCheckedIsInItsPlaceAfterwards() throws {
    let directory = TemporaryDirectory()
    let path = directory.write("old", to: "m.safetensors")
    let refusal = CheckpointError(.malformed, "not wanted")
    let error = #expect(throws: CheckpointError.self) {
      try SafetensorsWriter().write(to: path) { _ in throw refusal }
    }
    #expect(error == refusal)
    var status = stat()
    #expect(path.withPlatformString { stat($0, &status) } == 0 && status.st_size == 3)
    #expect(directory.path("m.safetensors.partial").withPlatformString { access($0, F_OK) } != 0)
    let size = try SafetensorsWriter().write(to: path) { written in
      try SafetensorsFile(path: written).withFileBytes { $0.count }
    }
    #expect(size == SafetensorsWriter().serialized().count)
    #expect(try SafetensorsFile(path: path).tensors.isEmpty)
  }
}
