import Curation
import Datasets
import Dispatch
import StayposCore
import Synchronization
import SystemPackage

/// Looks into every file of a data set, on all processors.
struct DatasetExamination {
  var limits: ImageLimits

  /// What ``DatasetIndexCommand`` has written is taken as it is.
  func indexOrReadIndex(of path: FilePath) throws -> DatasetIndex {
    if (try? CSVTable(reading: path))?.column(["fingerprint"]) != nil { return try DatasetIndex(reading: path) }
    return try index(of: path)
  }

  func index(of path: FilePath) throws -> DatasetIndex {
    let dataset = try Dataset(reading: path)
    dataset.complain()
    let images = dataset.images
    let entries = Mutex<[DatasetIndex.Entry?]>(Array(repeating: nil, count: images.count))
    DispatchQueue.concurrentPerform(iterations: images.count) { position in
      do throws(CurationError) {
        let facts = try ImageFacts(examining: images[position].path, limits: limits)
        entries.withLock { $0[position] = DatasetIndex.Entry(images[position], facts) }
      } catch {
        Console.complain(error.description)
      }
    }
    let found = entries.withLock { $0.compactMap(\.self) }
    guard !found.isEmpty else { throw Failure("\(path.escaped): none of \(images.count) files is an image") }
    return DatasetIndex(found)
  }
}

extension DatasetIndex {
  func write(to path: FilePath) throws {
    do {
      try OutputFile.write(csv(below: path.removingLastComponent()), to: path)
    } catch {
      throw Failure("cannot write \(path.escaped): \(error)")
    }
  }
}

extension [DatasetIndex.Entry] {
  /// Of one label: generators, cameras, or collections that have their own.
  var sources: Set<String> { Set(compactMap { $0.image.source ?? $0.image.group }) }

  /// "2 sources", and how many images have none.
  var sourcesInWords: String {
    let without = count { $0.image.source == nil && $0.image.group == nil }
    guard without < count else { return "no named source" }
    return "\(sources.count) sources" + (without > 0 ? ", \(without) of no named source" : "")
  }
}
