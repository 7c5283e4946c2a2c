import Foundation
import Glibc
import SystemPackage

/// Looks at the daemon and its scorers from outside, again and again.
struct SoakSampler {
  private let daemon: RunningDaemon
  private let start = ContinuousClock.now
  private(set) var memory = SoakSeries("stayposd memory", unit: "MiB")
  /// Of the largest.
  private(set) var scorerMemory = SoakSeries("scorer memory", unit: "MiB")
  private(set) var descriptors = SoakSeries("descriptors", unit: "")
  private(set) var threads = SoakSeries("threads", unit: "")
  private(set) var writeAheadLog = SoakSeries("write-ahead log", unit: "MiB")
  private(set) var catalogue = SoakSeries("catalogue", unit: "MiB")
  private(set) var queue = SoakSeries("queue", unit: "files")
  private(set) var verdicts = SoakSeries("verdicts", unit: "")

  init(_ daemon: RunningDaemon) {
    self.daemon = daemon
  }

  private var all: [SoakSeries] {
    [memory, scorerMemory, descriptors, threads, writeAheadLog, catalogue, queue, verdicts]
  }

  /// What must not grow.
  var bounded: [SoakSeries] { [memory, scorerMemory, descriptors, threads, writeAheadLog] }

  /// - Returns: how many files wait.
  mutating func sample() throws -> Int {
    let time = (ContinuousClock.now - start) / .seconds(1)
    let status = try daemon.status()
    let depth = (status["queueDepth"] as? Int ?? 0) + (status["inFlight"] as? Int ?? 0)
    memory.append(Self.memory(of: daemon.processIdentifier), at: time)
    // One that has just been killed has none.
    let scorers = daemon.children().map(Self.memory).filter { $0 > 1 }
    if let largest = scorers.max() { scorerMemory.append(largest, at: time) }
    descriptors.append(Double(try daemon.openDescriptors()), at: time)
    threads.append(Double(Self.field("Threads:", of: daemon.processIdentifier)), at: time)
    writeAheadLog.append(size("catalogue.sqlite-wal"), at: time)
    catalogue.append(size("catalogue.sqlite"), at: time)
    queue.append(Double(depth), at: time)
    verdicts.append(Double((status["counts"] as? [String: Int] ?? [:]).values.reduce(0, +)), at: time)
    return depth
  }

  /// A column for each series.
  var table: String {
    let heads = ["seconds"] + all.map { $0.unit.isEmpty ? $0.name : "\($0.name) (\($0.unit))" }
    var rows = [heads.joined(separator: ",")]
    // A moment without any scorer has no point in that series.
    let scorer = Dictionary(scorerMemory.points.map { ($0.time, $0.value) }) { $1 }
    for (index, point) in memory.points.enumerated() {
      let values = all.map { series -> String in
        let value = series.name == scorerMemory.name ? scorer[point.time] : series.points[index].value
        return value.map { "\($0)" } ?? ""
      }
      rows.append(([String(format: "%.2f", point.time)] + values).joined(separator: ","))
    }
    return rows.joined(separator: "\n") + "\n"
  }

  /// MiB of private memory.
  private static func memory(of process: pid_t) -> Double { Double(field("RssAnon:", of: process)) / 1024 }

  /// 0 if the process has ended.
  private static func field(_ name: String, of process: pid_t) -> Int {
    let text = String(
      decoding: FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data(), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
  }

  private func size(_ name: String) -> Double {
    var status = stat()
    return stat(daemon.state.appending(name).string, &status) == 0 ? Double(status.st_size) / 1_048_576 : 0
  }
}
