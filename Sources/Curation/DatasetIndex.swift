import Datasets
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

/// A data set with what is known about each of its files: a list in CSV that can be read wherever a data set can.
package struct DatasetIndex: Sendable {
  package struct Entry: Sendable {
    package var image: LabelledImage
    package var facts: ImageFacts

    package init(_ image: LabelledImage, _ facts: ImageFacts) {
      self.image = image
      self.facts = facts
    }
  }

  package var entries: [Entry]

  package init(_ entries: [Entry]) {
    self.entries = entries
  }

  private static let columns = [
    "filename", "typ", "source", "group", "split", "format", "quality", "width", "height", "bytes", "sha256",
    "fingerprint",
  ]

  /// Reads what ``csv(below:)`` has written.
  package init(reading list: FilePath) throws(CurationError) {
    let (dataset, table): (Dataset, CSVTable)
    do throws(DatasetError) {
      (dataset, table) = (try Dataset(list: list), try CSVTable(reading: list))
    } catch {
      throw CurationError(error.description)
    }
    var columns: [String: Int] = [:]
    for name in Self.columns {
      guard let column = table.column([name]) else {
        throw CurationError(
          "\(list.escaped) has no column \(name): it is no index; make one with staypos dataset index")
      }
      columns[name] = column
    }
    guard dataset.images.count == table.rows.count else {
      throw CurationError("\(list.escaped): not all rows are images")
    }
    var entries: [Entry] = []
    for (index, (image, row)) in zip(dataset.images, table.rows).enumerated() {
      func text(_ name: String) -> String { columns[name].map { String(decoding: row[$0], as: UTF8.self) } ?? "" }
      guard let format = ImageFormat(rawValue: text("format")), let sha256 = SHA256Digest(text("sha256")),
        let width = Int(text("width")), let height = Int(text("height")), let bytes = Int(text("bytes")),
        width > 0, height > 0, bytes > 0
      else { throw CurationError("\(list.escaped), record \(index + 2): not what staypos dataset index writes") }
      entries.append(
        Entry(
          image,
          ImageFacts(
            format: format, size: ImageSize(width: width, height: height), bytes: bytes, quality: Int(text("quality")),
            sha256: sha256, fingerprint: ImageFingerprint(text("fingerprint")))))
    }
    self.entries = entries
  }

  /// - Parameter directory: of the list: files below it are named from there, others by their whole path.
  package func csv(below directory: FilePath) -> [UInt8] {
    let directory = directory.absolute
    return entries.reduce(into: CSVTable.line(Self.columns)) { text, entry in
      let (image, facts) = (entry.image, entry.facts)
      var path = image.path.absolute
      _ = path.removePrefix(directory)
      let rest: [String] = [
        image.label == .real ? "real" : "fake", image.source ?? "", image.group ?? "", image.split?.rawValue ?? "",
        facts.format.rawValue, facts.quality.map(String.init) ?? "", "\(facts.size.width)", "\(facts.size.height)",
        "\(facts.bytes)", "\(facts.sha256)", facts.fingerprint.map(\.description) ?? "",
      ]
      text += CSVTable.line([path.bytes] + rest.map { Array($0.utf8) })
    }
  }
}

extension FilePath {
  /// From the root on, without `.` and `..`.
  fileprivate var absolute: FilePath {
    guard !isAbsolute, let working = getcwd(nil, 0) else { return lexicallyNormalized() }
    defer { free(working) }
    return FilePath(platformString: working).pushing(self).lexicallyNormalized()
  }
}
