/// The release, as `--version`, `status` and the journal say it.
package enum StayposVersion {
  package static let current = "0.1.0"
}
