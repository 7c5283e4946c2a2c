#if DEBUG
  import Foundation
  import Glibc
  import StayposCore
  import SystemPackage
  import Testing

  /// What a release must not have.
  @Suite struct ReleaseBuildTests {
    private static let release = BuiltExecutables.repository.appending(".build/release/stayposd")

    @Test(
      "A release has no failpoints: neither a name nor the variable that chooses one",
      .enabled(if: access(release.string, X_OK) == 0, "needs a release build: make build"))
    func failpoints() throws {
      let debug = try Data(contentsOf: URL(filePath: BuiltExecutables.besideTests.appending("stayposd").string))
      let release = try Data(contentsOf: URL(filePath: Self.release.string))
      for text in Failpoint.names.union(["STAYPOS_FAILPOINT"]) {
        // Short strings are immediate operands, without an end.
        if text.utf8.count > 15 { #expect(debug.range(of: Data(text.utf8)) != nil, "\(text)") }
        #expect(release.range(of: Data(text.utf8)) == nil, "\(text)")
      }
    }
  }
#endif
