import FoundationEssentials
import StayposCore

@testable import Quarantining

extension FuzzTarget {
  /// The input is a record of the quarantine: read, written and read again.
  static let record = FuzzTarget("record") { input in
    guard let id = try? JSONDecoder().decode(Name.self, from: Data(input)).id,
      let record = try? QuarantineRecord(reading: input, id: id)
    else { return true }
    require(record.path.isPlain && record.restoration?.target.isPlain ?? true, "a path that leads elsewhere")
    require(record.metadata.mode <= 0o7777 && record.size >= 0, "\(record)")
    guard let json = try? record.json(), let again = try? QuarantineRecord(reading: json, id: id) else {
      fatalError("a record that cannot be written and read")
    }
    require(again == record, "a record that is another one after writing and reading")
    return true
  }
}

private struct Name: Decodable {
  var id: QuarantineID
}
