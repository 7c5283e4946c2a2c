import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// The kernel tells of a rename in two events, and the loop may do other things between them.
@Suite struct HalfRenameTests {
  private let temporary = TemporaryDirectory()
  private let loop: WatchLoop
  private let top: DirectoryID

  init() throws {
    for name in ["moving", "moving/inner"] { _ = temporary.makeDirectory(name) }
    loop = WatchLoop(
      channel: try WatchChannel(store: nil), admission: Admission(excluding: []), timing: WatchTiming()
    ) { _ in }
    loop.replaceRoots([WatchRoot(path: temporary.path)], reason: .start)
    while loop.active != nil || !loop.backlogJobs.isEmpty { loop.scanSlice() }
    top = try #require(loop.tree.directory(path: temporary.path))
  }

  private var place: WatchTree.Place { .child(of: top, name: "moving") }

  @Test("a directory whose turn to be listed comes in between is listed again", arguments: ["moving", "moving/inner"])
  func listing(name: String) throws {
    let directory = try #require(loop.tree.directory(path: temporary.path(name)))
    loop.rescan(temporary.path(name))
    #expect(loop.info[directory]?.isIncomplete == false)
    _ = loop.tree.detach(place)
    loop.scanSlice()
    #expect(loop.info[directory]?.isIncomplete == true)
  }

  @Test("a directory that is found in between by a listing under way is looked for again")
  func arming() throws {
    let directory = try #require(loop.tree.directory(path: temporary.path("moving")))
    _ = loop.tree.detach(place)
    #expect(loop.arm(.child(of: directory, name: "new")) == nil)
    #expect(loop.info[directory]?.isIncomplete == true)
  }
}
