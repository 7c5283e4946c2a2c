/// Named moments between two steps at which a test can end the process or make the next step fail. Nothing in release
/// builds.
package enum Failpoint {
  #if DEBUG
    /// Called with each name that is passed in this task; what it throws is thrown there.
    @TaskLocal package static var handler: (@Sendable (String) throws -> Void)?
  #endif

  static func hit(_ name: String) throws {
    #if DEBUG
      try handler?(name)
    #endif
  }
}
