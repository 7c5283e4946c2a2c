import TestSupport
import Testing

/// What the scripts in Reproduction/ conclude, and their lists; without an image or a model.
@Suite struct ReproductionTests {
  @Test(.enabled(if: ReferencePython.has("PIL", "numpy"), "needs Pillow and NumPy (make test-dependencies)"))
  func verdictsCriteriaAndLists() throws {
    // A test that fails ends it with another status.
    try ReferencePython.run(script: "reproduction_tests.py", [])
  }
}
