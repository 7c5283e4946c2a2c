import StayposCore
import SystemPackage

extension Dataset {
  /// Reads a list in CSV, as ClipBased-SyntheticImageDetection has them: a column `filename` (or `path`) with paths below
  /// the list's directory, and a column `typ` (or `label`, `type`) with `real` or the generator. `0`, `1` and `fake` are
  /// understood too; `real` may be followed by more (`real_RAISE`), which is the source then. Columns `source` (or
  /// `generator`), `group` and `split` may give the rest; others are passed over.
  package init(list: FilePath, split: Split? = nil) throws(DatasetError) {
    let table = try CSVTable(reading: list)
    let names = try table.required(["filename", "path"])
    let types = try table.required(["typ", "label", "type"])
    let (sources, groups) = (table.column(["source", "generator"]), table.column(["group"]))
    let splits = table.column(["split"])
    let directory = list.removingLastComponent()
    var images: [LabelledImage] = []
    for (index, row) in table.rows.enumerated() {
      guard let name = FilePath(bytes: row[names]), !name.isEmpty else {
        throw DatasetError("\(list.escaped), record \(index + 2): no file name")
      }
      let type = String(decoding: row[types], as: UTF8.self)
      guard let (label, source) = Self.label(type: type) else {
        throw DatasetError("\(list.escaped), record \(index + 2): no label")
      }
      func text(_ column: Int?) -> String? {
        column.flatMap { row[$0].isEmpty ? nil : String(decoding: row[$0], as: UTF8.self) }
      }
      let image = LabelledImage(
        path: directory.pushing(name), name: name, label: label, group: text(groups), source: text(sources) ?? source,
        split: text(splits).flatMap { Split(directory: $0) })
      if split == nil || image.split == split { images.append(image) }
    }
    guard !images.isEmpty else { throw DatasetError("\(list.escaped): the list names no image") }
    self.init(root: list, images: images, unlabelled: [], unreadable: [])
  }

  private static func label(type: String) -> (Label, source: String?)? {
    switch type {
    case "": return nil
    case "0": return (.real, nil)
    case "1": return (.fake, nil)
    default:
      if let label = Label(directory: type) { return (label, nil) }
      guard type.hasPrefix("real"), let next = type.dropFirst(4).first, !next.isLetter else { return (.fake, type) }
      let source = type.dropFirst(5)
      return (.real, source.isEmpty ? nil : String(source))
    }
  }
}
