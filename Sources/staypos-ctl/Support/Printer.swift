import ControlInterface
import FoundationEssentials
import Glibc
import StayposCore

/// Standard output in the form that its reader wants.
struct Printer {
  enum Form {
    /// Aligned, perhaps coloured.
    case terminal(colour: Bool)
    /// Fields with a tab between them.
    case plain
    case json
  }

  let form: Form

  init(json: Bool) {
    if json {
      form = .json
    } else if isatty(STDOUT_FILENO) == 1 {
      let plain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
      form = .terminal(colour: !plain)
    } else {
      form = .plain
    }
  }

  init(form: Form) {
    self.form = form
  }

  /// One thing: an object, or a line for each pair.
  func single(_ value: some Encodable, _ pairs: [(String, Cell)]) throws(ControlClientError) {
    switch form {
    case .json: try line(value)
    case .terminal, .plain:
      let rows = pairs.map { [Cell($0.0, .faint), $0.1] }
      writeAll(STDOUT_FILENO, Table(heading: nil, rows: rows).text(form))
    }
  }

  /// Something was done and there is nothing to show but that.
  func done(_ message: String) throws(ControlClientError) {
    switch form {
    case .json: try line(NoParameters())
    case .terminal, .plain: writeAll(STDOUT_FILENO, message + "\n")
    }
  }

  /// One object and its line feed.
  func line(_ value: some Encodable) throws(ControlClientError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    do {
      let text = try encoder.encode(value).printableJSON
      writeAll(STDOUT_FILENO, String(decoding: text, as: UTF8.self) + "\n")
    } catch {
      throw ControlClientError(.protocolViolation, "cannot write the answer as JSON: \(error)")
    }
  }

  /// A list that comes in pages. Only a terminal has to wait for the last one, to know how wide its columns are.
  func list<Element: Codable & Sendable>(
    _ client: inout ControlClient, _ method: ControlMethod, _ parameters: some Encodable = NoParameters(),
    of type: Element.Type, heading: [String], row: (Element) -> [Cell]
  ) throws(ControlClientError) {
    var rows: [[Cell]] = []
    try client.stream(
      method, parameters, replying: ListReply<Element>.self
    ) { page throws(ControlClientError) in
      switch form {
      case .json: for entry in page.entries { try line(entry) }
      case .plain: writeAll(STDOUT_FILENO, Table(heading: nil, rows: page.entries.map(row)).text(form))
      case .terminal: rows += page.entries.map(row)
      }
      return true
    }
    if case .terminal = form { writeAll(STDOUT_FILENO, Table(heading: heading, rows: rows).text(form)) }
  }
}
