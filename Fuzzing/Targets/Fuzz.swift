import CLibFuzzer
import Glibc

/// libFuzzer's driver around the target that `STAYPOS_FUZZ_TARGET` names; arguments are libFuzzer's own. In the environment,
/// so that the processes that libFuzzer starts for itself get it too.
@main
enum Fuzz {
  static let target: FuzzTarget? = {
    let name = getenv("STAYPOS_FUZZ_TARGET").map { String(cString: $0) }
    return FuzzTarget.all.first { $0.name == name }
  }()

  static func main() {
    guard target != nil else {
      print(FuzzTarget.all.map { $0.name }.joined(separator: "\n"))
      exit(64)
    }
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(
      LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
        let isOfInterest = Fuzz.target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        // -1: not for the corpus.
        return isOfInterest == true ? 0 : -1
      })
  }
}
