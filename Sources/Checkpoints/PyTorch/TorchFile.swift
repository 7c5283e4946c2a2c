/// A file of `torch.save`, or a TorchScript archive: what its pickle says, checked, and where the storages lie.
struct TorchFile: Sendable {
  enum Format {
    /// A zip archive, since PyTorch 1.6.
    case zip
    /// Pickles and raw storages one behind the other, before that.
    case legacy
    /// A zip archive with code beside the tensors, of which we take no notice.
    case script
  }

  let format: Format
  let listing: TensorListing
  let heap: PickleHeap
  private let file: FileReader
  /// Of storages, by their keys.
  private let places: [String: ZipDirectory.Record]
  /// Whether the file has a checksum for each storage.
  private var hasChecksums: Bool { format != .legacy }

  static func isZip(_ start: [UInt8]) -> Bool { start.starts(with: [0x50, 0x4B, 0x03, 0x04]) }
  /// PROTO with protocol 2, the only one of the older format.
  static func isLegacy(_ start: [UInt8]) -> Bool { start.starts(with: [0x80, 0x02, 0x8A, 0x0A]) }

  init(zip file: FileReader) throws(CheckpointError) {
    let directory = try ZipDirectory(file)
    let pickles = directory.records.keys.filter { $0.hasSuffix("/data.pkl") && $0.utf8.count { $0 == 0x2F } == 1 }
    guard pickles.count == 1, let name = pickles.first, let pickle = directory.records[name] else {
      throw CheckpointError(
        .unsupportedFormat,
        "is a zip archive, but no checkpoint of PyTorch: it has \(pickles.count) records named */data.pkl")
    }
    let prefix = String(name.dropLast("data.pkl".count))
    // What we take no notice of may be as it likes.
    let compressed = directory.records.filter { $0.value.isCompressed && !$0.key.hasPrefix(prefix + "code/") }
    if let name = compressed.keys.min() {
      throw CheckpointError(
        .unsupportedFormat,
        "zip: record \(quoted(name)) is compressed, which PyTorch never does: save it again with PyTorch")
    }
    if let record = directory.records[prefix + "byteorder"] {
      let order = try Self.read(record, limit: 100, of: file, named: "byteorder")
      guard order == Array("little".utf8) else {
        throw CheckpointError(
          .unsupportedFormat,
          "byteorder is \(quoted(String(decoding: order, as: UTF8.self))): save it again with PyTorch on a little-endian machine"
        )
      }
    }
    var reader = PickleReader(try Self.read(pickle, limit: PickleReader.maximumLength, of: file, named: "data.pkl"))
    let root = try reader.read()
    var places: [String: ZipDirectory.Record] = [:]
    for storage in reader.heap.storages where storage.count > 0 {
      guard let record = directory.records[prefix + "data/" + storage.key] else {
        throw CheckpointError(.malformed, "the record of storage \(quoted(storage.key)) is missing")
      }
      guard record.bytes.count == storage.count * storage.type.size else {
        throw CheckpointError(
          .malformed,
          "storage \(quoted(storage.key)) of \(storage.count) elements \(storage.type.rawValue) has \(record.bytes.count) bytes"
        )
      }
      places[storage.key] = record
    }
    listing = try TensorListing(root, reader.heap)
    heap = reader.heap
    self.places = places
    self.file = file
    format = directory.records.keys.contains { $0.hasPrefix(prefix + "code/") } ? .script : .zip
  }

  /// Magic number, version and byte order, the object, the order of the storages: five pickles. Then the storages, each
  /// behind its number of elements.
  init(legacy file: FileReader) throws(CheckpointError) {
    var reader = PickleReader(try file.read(0..<min(file.size, PickleReader.maximumLength)))
    guard try reader.read() == .largeInteger([0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]) else {
      throw CheckpointError(
        .unsupportedFormat, "is a pickle, but no checkpoint of PyTorch: its magic number is missing")
    }
    guard try reader.read() == .integer(1001) else {
      throw CheckpointError(.unsupportedFormat, "has a version of PyTorch's older format that nobody knows")
    }
    if case .dictionary(let index) = try reader.read(),
      case let items = reader.heap.collections[index],
      let key = stride(from: 0, to: items.count, by: 2).first(where: { items[$0] == .string("little_endian") }),
      items[key + 1] != .bool(true)
    {
      throw CheckpointError(
        .unsupportedFormat, "is big-endian: save it again with PyTorch on a little-endian machine")
    }
    let root = try reader.read()
    let order = try reader.read()
    var storages: [String: TorchStorage] = [:]
    for storage in reader.heap.storages {
      guard storages.updateValue(storage, forKey: storage.key) ?? storage == storage else {
        throw CheckpointError(.malformed, "storage \(quoted(storage.key)) has two types or sizes")
      }
    }
    var places: [String: ZipDirectory.Record] = [:]
    var position = reader.position
    for key in reader.heap.elements(order) ?? [] {
      guard case .string(let key) = key, let storage = storages[key], places[key] == nil else {
        throw CheckpointError(.malformed, "the list of storages names one that no tensor has, or twice the same")
      }
      let (start, size) = (position + 8, storage.count * storage.type.size)
      guard start <= file.size, size <= file.size - start else {
        throw CheckpointError(.truncated, "ends before storage \(quoted(key)) of \(size) bytes")
      }
      let count = try file.read(position..<start).number(at: 0, as: UInt64.self)
      guard count == UInt64(storage.count) else {
        throw CheckpointError(
          .malformed, "storage \(quoted(key)) has \(count) elements, but its tensors expect \(storage.count)")
      }
      position = start + size
      places[key] = ZipDirectory.Record(bytes: start..<position, checksum: 0)
    }
    if let missing = storages.keys.filter({ places[$0] == nil }).min() {
      throw CheckpointError(.malformed, "storage \(quoted(missing)) is not in the file")
    }
    listing = try TensorListing(root, reader.heap)
    heap = reader.heap
    self.places = places
    self.file = file
    format = .legacy
  }

  func type(of tensor: TorchTensor) -> ElementType { heap.storages[tensor.storage].type }

  /// The values of a tensor, little-endian and in row-major order. Reads no more of the storage than the tensor spans. A
  /// checksum is compared where all of a storage is read.
  func bytes(of tensor: TorchTensor) throws(CheckpointError) -> [UInt8] {
    let storage = heap.storages[tensor.storage]
    guard !tensor.span.isEmpty, let place = places[storage.key] else { return [] }
    let size = storage.type.size
    let start = place.bytes.lowerBound
    let range = start + tensor.span.lowerBound * size..<start + tensor.span.upperBound * size
    let bytes = try file.read(range)
    if hasChecksums, range == place.bytes { try Self.check(bytes, place, "storage \(quoted(storage.key))") }
    return tensor.gathered(from: bytes, elementSize: size)
  }

  private static func read(
    _ record: ZipDirectory.Record, limit: Int, of file: FileReader, named name: String
  ) throws(CheckpointError) -> [UInt8] {
    guard record.bytes.count <= limit else {
      throw CheckpointError(.refused, "\(name) has \(record.bytes.count) bytes: more than any checkpoint needs")
    }
    let bytes = try file.read(record.bytes)
    try check(bytes, record, name)
    return bytes
  }

  /// PyTorch can be told to compute no checksums; it writes 0 then.
  private static func check(
    _ bytes: [UInt8], _ record: ZipDirectory.Record, _ name: String
  ) throws(CheckpointError) {
    guard record.checksum == 0 || CyclicRedundancyCheck.of(bytes) == record.checksum else {
      throw CheckpointError(.malformed, "\(name) does not have its checksum: the file is damaged")
    }
  }
}
