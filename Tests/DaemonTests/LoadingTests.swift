import Scoring
import SystemPackage
import TestSupport
import Testing

@testable import Daemon

@Suite struct LoadingTests {
  @Test("a stop need not wait for a model that is being loaded")
  func interrupted() throws {
    let directory = TemporaryDirectory()
    var detector = Configuration.Detector()
    detector.model = directory.write("not a model", to: "model")
    let interruption = try ScorerInterruption()
    interruption.request()
    let error = #expect(throws: StartError.self) {
      _ = try ScoringSetup.load(detector, interruption: interruption)
    }
    #expect(error?.description.hasSuffix("the daemon stops") == true, "\(error.map(String.init(describing:)) ?? "")")
  }
}
