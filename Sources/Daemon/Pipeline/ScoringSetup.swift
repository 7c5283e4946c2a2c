import Filesystem
import Glibc
import Scoring
import StayposCore
import SystemPackage

/// How images are scored at present: replaced as a whole by a reload.
package struct ScoringSetup: Sendable {
  /// Tells a worker that its scorer is out of date.
  package var generation = 0
  package var configuration: ScorerConfiguration
  package var source: ModelSource
  package var model: ScorerModel
  package var sandbox: SandboxReport

  /// Opens the model and lets a scorer load it, so that a bad model is known before it is in use.
  /// - Throws: a message for the administrator.
  package static func load(_ detector: Configuration.Detector) throws(StartError) -> ScoringSetup {
    let configuration = ScorerConfiguration(
      executable: try scorerExecutable(), precision: detector.precision, limits: detector.limits,
      timeout: detector.timeout)
    let source: ModelSource
    do {
      source = try ModelSource(path: detector.model)
    } catch {
      throw StartError("detector.model: \(error)")
    }
    do {
      let scorer = Scorer(configuration, model: source, interruption: try ScorerInterruption())
      defer { scorer.stop() }
      let hello = try scorer.start()
      return ScoringSetup(configuration: configuration, source: source, model: hello.model, sandbox: hello.sandbox)
    } catch {
      throw StartError("detector.model \(detector.model.escaped): \(error)")
    }
  }

  /// Beside the running executable (a build folder), else `../libexec/staypos/` of where it is installed.
  private static func scorerExecutable() throws(StartError) -> FilePath {
    guard let own = try? FilePath("/proc/self/exe").readingSymbolicLink() else {
      throw StartError("/proc is not mounted: mount it, staypos-scorer is looked for beside this program")
    }
    let directory = own.removingLastComponent()
    let places = [
      directory.appending("staypos-scorer"),
      directory.removingLastComponent().appending("libexec/staypos/staypos-scorer"),
    ]
    for place in places where place.withPlatformString({ access($0, X_OK) }) == 0 { return place }
    throw StartError("staypos-scorer is neither at \(places.map(\.escaped).joined(separator: " nor at ")): install it")
  }
}

extension FilePath {
  /// readlink(2)
  fileprivate func readingSymbolicLink() throws(Errno) -> FilePath {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { buffer in
      withPlatformString { readlink($0, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count) }
    }
    guard count > 0, let path = FilePath(bytes: buffer.prefix(count)) else { throw Errno(rawValue: errno) }
    return path
  }
}
