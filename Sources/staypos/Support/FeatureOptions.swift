import ArgumentParser
import Detection
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage
import Training

/// The backbone whose features are learned from, and where they are kept.
struct FeatureOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The model whose backbone is used (default: as for staypos score).", valueName: "file"))
  var model: PathArgument?

  @Option(
    help: ArgumentHelp(
      "Where the features of images are kept, so that they are computed once (default: a file for each backbone below $XDG_CACHE_HOME/staypos, else ~/.cache/staypos).",
      valueName: "file"))
  var cache: PathArgument?

  @Option(help: ArgumentHelp("Threads, and images at a time (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @OptionGroup var limits: LimitOptions

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
  }

  var threadCount: Int { threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Of the model.
  func path() throws -> FilePath { try model?.path ?? DefaultModel.find() }

  /// A model and a cache for its features.
  /// - Returns: the precision that is in force, too.
  func open(_ precision: Precision) throws -> (path: FilePath, model: Model, precision: Precision, cache: FeatureCache)
  {
    let path = try path()
    let model = try Model(path: path)
    // What `auto` means here is part of what the features are.
    let resolved = try Detector(model: model, precision: precision, threads: 1).precision
    let backbone = try BackboneIdentity(of: path, precision: resolved).sha256
    let key = FeatureCache.Key(backbone: backbone, precision: resolved.rawValue, columns: model.head.weights.count)
    return (path, model, resolved, try FeatureCache(path: cache?.path ?? Self.defaultCache(key), key: key))
  }

  private static func defaultCache(_ key: FeatureCache.Key) throws -> FilePath {
    func variable(_ name: String) -> FilePath? {
      getenv(name).flatMap { $0.pointee == 0 ? nil : FilePath(platformString: $0) }
    }
    guard let base = variable("XDG_CACHE_HOME") ?? variable("HOME")?.appending(".cache") else {
      throw Failure("neither XDG_CACHE_HOME nor HOME is set: name a file with --cache")
    }
    let directory = base.appending("staypos")
    for part in [base, directory] {
      let status = part.withPlatformString { mkdir($0, 0o755) }
      if status != 0, errno != EEXIST { throw Failure("cannot make \(part.escaped): \(Errno(rawValue: errno))") }
    }
    return directory.appending("\(key.backbone.description.prefix(16))-\(key.precision).features")
  }

  /// Features of images, with progress; what is not scored is said on standard error.
  func extract(
    _ paths: [FilePath], _ model: Model, _ precision: Precision, into cache: FeatureCache, title: String
  ) throws -> [FeatureExtractor.Outcome] {
    let extractor = FeatureExtractor(
      model: model, precision: precision, workers: threadCount, limits: limits.limits)
    let bar = ProgressBar(title, total: paths.count)
    let result = Result {
      try extractor.extract(paths, into: cache) { bar.show($0.done, known: $0.known) }
    }
    bar.clear()
    let outcomes = try result.get()
    for (path, outcome) in zip(paths, outcomes) {
      if case .notScored(let reason, let detail) = outcome {
        Console.complain("\(path.escaped): left out: \(reason.rawValue): \(detail)")
      }
    }
    return outcomes
  }
}
