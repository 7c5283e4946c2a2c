import Foundation
import Hashing
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Training

@Suite struct FeatureCacheTests {
  private let directory = TemporaryDirectory()
  private var path: FilePath { directory.path("features") }

  private func key(_ columns: Int = 19, backbone: UInt8 = 1, precision: String = "fp32") -> FeatureCache.Key {
    FeatureCache.Key(backbone: SHA256Digest(hashing: [backbone]), precision: precision, columns: columns)
  }

  private func digest(_ index: Int) -> SHA256Digest { SHA256Digest(hashing: Array("\(index)".utf8)) }

  private func features(_ index: Int) -> [Float] { (0..<19).map { Float(index * 100 + $0) / 7 } }

  private func fill(_ indices: Range<Int>) throws {
    let cache = try FeatureCache(path: path, key: key())
    for index in indices {
      try cache.append(features(index), of: digest(index), size: ImageSize(width: 10, height: 20))
    }
  }

  @Test func whatWasWrittenIsThereAgain() throws {
    try fill(0..<5)
    let cache = try FeatureCache(path: path, key: key())
    #expect(cache.count == 5 && cache.row(of: digest(3)) == 3 && cache.row(of: digest(5)) == nil)
    #expect(cache.images == (0..<5).map { digest($0) })
    let table = try cache.table()
    #expect(table.count == 5 && table.columns == 19)
    for index in 0..<5 { #expect(table.row(index) == features(index)) }
    // A second time changes nothing.
    #expect(try cache.append(features(9), of: digest(2), size: ImageSize(width: 1, height: 1)) == 2)
    #expect(try cache.table().row(2) == features(2))
  }

  /// A process may be killed after any byte: whole records stay, and the next run goes on behind them.
  @Test func aRecordThatWasCutOffIsWrittenAgain() throws {
    try fill(0..<3)
    let url = URL(filePath: path.string)
    let whole = try Data(contentsOf: url)
    let record = (whole.count - 128) / 3
    for length in [0, 1, 60, 127, 128, 129, 128 + record - 1, 128 + record, 128 + 2 * record + 70, whole.count - 1] {
      try whole.prefix(length).write(to: url)
      try fill(0..<3)
      #expect(try Data(contentsOf: url) == whole, "cut after \(length) bytes")
    }
  }

  @Test func aDamagedRecordAndWhatFollowsIsNotUsed() throws {
    try fill(0..<4)
    let url = URL(filePath: path.string)
    var bytes = try Data(contentsOf: url)
    let record = (bytes.count - 128) / 4
    bytes[128 + 2 * record + 80] ^= 1
    try bytes.write(to: url)
    #expect(try FeatureCache(path: path, key: key()).count == 2)
  }

  @Test func otherFeaturesAreRefused() throws {
    try fill(0..<1)
    for other in [key(20), key(backbone: 2), key(precision: "bf16")] {
      let error = #expect(throws: FeatureCacheError.self) { _ = try FeatureCache(path: path, key: other) }
      #expect(error?.code == .otherModel)
    }
    for content in ["hello", String(repeating: "x", count: 500)] {
      directory.write(content, to: "other")
      let error = #expect(throws: FeatureCacheError.self) {
        _ = try FeatureCache(path: directory.path("other"), key: key())
      }
      #expect(error?.code == .notACache)
    }
  }

  @Test func twoAtOnceAreRefused() throws {
    let cache = try FeatureCache(path: path, key: key())
    let error = #expect(throws: FeatureCacheError.self) { _ = try FeatureCache(path: path, key: key()) }
    #expect(error?.code == .inUse)
    #expect(cache.count == 0)
    #expect(try cache.table().count == 0)
  }
}
