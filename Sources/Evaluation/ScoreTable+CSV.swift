import Datasets
import Glibc
import StayposCore
import SystemPackage

extension ScoreTable {
  /// Columns of a list of images that are no scores.
  private static let descriptions: Set = [
    "filename", "path", "typ", "label", "type", "source", "generator", "group", "category", "split",
  ]

  /// Reads scores that somebody has computed: a list of images (``Datasets/Dataset/init(list:split:)``) with a column of
  /// logits for each model. An empty cell, or `nan`, is an image without a score.
  /// - Parameter names: columns to take; empty: all whose cells are numbers.
  package init(
    reading list: FilePath, columns names: [String], split: Split?, threshold: Threshold
  ) throws(DatasetError) {
    let dataset = try Dataset(list: list, split: nil)
    let table = try CSVTable(reading: list)
    let kept = dataset.images.indices.filter { split == nil || dataset.images[$0].split == split }
    var columns: [Column] = []
    for (index, name) in table.header.enumerated() {
      guard names.isEmpty ? !Self.descriptions.contains(name.lowercased()) : names.contains(name) else { continue }
      let cells = table.rows.map { row in Self.outcome(String(decoding: row[index], as: UTF8.self)) }
      if let place = cells.firstIndex(of: nil) {
        guard names.contains(name) else { continue }
        throw DatasetError(
          "\(list.escaped), record \(place + 2): the column \(name) holds something else than a number")
      }
      columns.append(
        Column(name: name, threshold: threshold, outcomes: kept.compactMap { cells[$0] }))
    }
    if let missing = names.first(where: { name in !columns.contains { $0.name == name } }) {
      throw DatasetError("\(list.escaped) has no column \(missing)")
    }
    guard !columns.isEmpty else { throw DatasetError("\(list.escaped) has no column of scores") }
    self.init(images: kept.map { dataset.images[$0] }, columns: columns)
  }

  /// Nil if it is no number.
  private static func outcome(_ cell: String) -> Outcome? {
    let cell = cell.trimmingPrefix { $0 == " " }
    if cell.isEmpty { return .notScored(.ioError, detail: "the list has no score of it") }
    guard let value = Double(cell) else { return nil }
    return value.isFinite ? .logit(value) : .notScored(.ioError, detail: "the list's score of it is not finite")
  }

  /// What ``init(reading:columns:split:threshold:)`` reads, with all digits.
  package var csv: [UInt8] {
    var bytes = CSVTable.line(["filename", "typ", "label", "group", "split"] + columns.map(\.name))
    for (index, image) in images.enumerated() {
      let type = image.label == .real ? image.source.map { "real_\($0)" } ?? "real" : image.source ?? "fake"
      let description = [type, "\(image.label.rawValue)", image.group ?? "", image.split?.rawValue ?? ""]
      let logits = columns.map { $0.outcomes[index].logit.map { "\($0)" } ?? "" }
      bytes += CSVTable.line([image.name.bytes] + (description + logits).map { Array($0.utf8) })
    }
    return bytes
  }
}
