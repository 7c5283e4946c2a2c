import FoundationEssentials
import GRDB
import StayposCore

/// The name of a setting made at run time, which survives restarts, and the type of its value.
package struct SettingKey<Value: Codable & Sendable>: Sendable {
  let name: String
}

extension SettingKey where Value == Threshold {
  /// Set over the control socket; wins over the file's and the model's.
  package static var threshold: Self { Self(name: "threshold") }
}

extension SettingKey where Value == Bool {
  /// Scoring stands still until somebody resumes it.
  package static var paused: Self { Self(name: "paused") }
}

extension Catalogue {
  /// nil if it was never set, or taken back.
  package func setting<Value>(_ key: SettingKey<Value>) throws(CatalogueError) -> Value? {
    let text = try read("read the setting \(key.name)") { database in
      try String.fetchOne(database, sql: "SELECT value FROM setting WHERE name = ?", arguments: [key.name])
    }
    guard let text else { return nil }
    do {
      return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    } catch {
      throw CatalogueError(
        .invalid,
        "the setting \(key.name) in \(file.escaped) is \(text), which makes no sense: set it again or reset it")
    }
  }

  /// - Parameter value: nil takes the setting back.
  package func set<Value>(_ key: SettingKey<Value>, to value: Value?) throws(CatalogueError) {
    try write("change the setting \(key.name)") { database in
      guard let value else {
        try database.execute(sql: "DELETE FROM setting WHERE name = ?", arguments: [key.name])
        return
      }
      let text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
      try database.execute(sql: "INSERT OR REPLACE INTO setting VALUES (?, ?)", arguments: [key.name, text])
    }
  }
}
