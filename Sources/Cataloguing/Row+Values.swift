import FoundationEssentials
import GRDB
import StayposCore
import SystemPackage

// Core values ↔ columns (Catalogue+Schema.swift).

extension FilePath {
  var blob: Data { Data(bytes) }
}

extension SHA256Digest {
  var blob: Data { Data(bytes) }
}

extension FileIdentity {
  /// device, inode, birth, size, modified, changed
  var columns: [(any DatabaseValueConvertible)?] {
    [
      Int64(bitPattern: device), Int64(bitPattern: inode), birth?.nanoseconds, size, modified.nanoseconds,
      changed.nanoseconds,
    ]
  }

  init(row: Row) {
    self.init(
      device: UInt64(bitPattern: row["device"]), inode: UInt64(bitPattern: row["inode"]),
      birth: (row["birth"] as Int64?).map(Timestamp.init(nanoseconds:)), size: row["size"],
      modified: row.timestamp("modified"), changed: row.timestamp("changed"))
  }
}

extension Score {
  init?(row: Row) {
    guard let real = row["real_score"] as Double?, let fake = row["fake_score"] as Double?,
      let bias = row["bias"] as Double?
    else { return nil }
    self.init(realScore: real, fakeScore: fake, bias: bias, isLowerBound: row["lower_bound"])
  }
}

extension Row {
  func timestamp(_ column: String) -> Timestamp { Timestamp(nanoseconds: self[column]) }

  func path(_ column: String = "path") throws -> FilePath {
    let data: Data = self[column]
    guard let path = FilePath(bytes: data) else { throw invalid(column) }
    return path
  }

  func digest(_ column: String) throws -> SHA256Digest? {
    guard let data = self[column] as Data? else { return nil }
    guard let digest = SHA256Digest(bytes: Array(data)) else { throw invalid(column) }
    return digest
  }

  func threshold(_ column: String = "threshold") throws -> Threshold {
    guard let threshold = Threshold(self[column]) else { throw invalid(column) }
    return threshold
  }

  func quarantineID(_ column: String) throws -> QuarantineID? {
    guard let text = self[column] as String? else { return nil }
    guard let id = QuarantineID(text) else { throw invalid(column) }
    return id
  }

  func invalid(_ column: String) -> DatabaseError {
    DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a row has a \(column) that makes no sense")
  }
}
