import ArgumentParser
import Detection
import StayposCore
import SystemPackage

/// The models, and how they are run.
struct EvaluatedModels: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Models, staypos safetensors files (default: as for staypos score).", valueName: "model"))
  var models: [PathArgument] = []

  @OptionGroup var arithmetic: PrecisionOption

  @Option(help: ArgumentHelp("Threads, and images at a time (default: one for each processor).", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  /// Calls `body` with one model after the other, so that one alone is in memory, and a name that no other has.
  /// - Parameter count: images that each is to score.
  func forEach(count: Int, _ body: (ScoringPool, String) throws -> Void) throws {
    var names: Set<String> = []
    for path in models.isEmpty ? [try DefaultModel.find()] : models.map(\.path) {
      let pool = try ScoringPool(path, precision: arithmetic.precision, threads: threads, count: count)
      var name = Console.printable(pool.model.name)
      if names.contains(name), let file = path.stem { name += " (\(Console.printable(file)))" }
      let base = name
      var number = 2
      while !names.insert(name).inserted {
        name = "\(base) \(number)"
        number += 1
      }
      try body(pool, name)
    }
  }
}
