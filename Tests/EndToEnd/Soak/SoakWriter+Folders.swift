import Foundation
import Glibc
import SystemPackage

/// What is done to directories, with all that is in them.
extension SoakWriter {
  private func anyMovable(isOutside: Bool) -> Int? {
    folders.indices.dropFirst().filter { folders[$0].isOutside == isOutside }.randomElement(using: &random)
  }

  func makeFolder() throws {
    guard folders.count < Self.mostFolders else { return }
    // Flat or nested: a directory whose parent moves would have to be followed, so parents stay.
    var path = home.appending(freshName())
    guard mkdir(path.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    if Bool.random(using: &random) {
      path.append("inner")
      guard mkdir(path.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    }
    folders.append(Folder(path: path))
    note("make a directory")
  }

  func moveFolder() throws {
    guard let index = anyMovable(isOutside: false) else { return }
    let path = home.appending(freshName())
    try move(folders[index].path, path)
    folders[index].path = path
    note("move a directory")
  }

  func moveFolderOut() throws {
    guard let index = anyMovable(isOutside: false) else { return }
    let path = outside.appending(freshName())
    try move(folders[index].path, path)
    folders[index].path = path
    folders[index].isOutside = true
    note("move a directory out")
  }

  func moveFolderIn() throws {
    if let index = anyMovable(isOutside: true) { try bringIn(index) }
  }

  func bringIn(_ index: Int) throws {
    let path = home.appending(freshName())
    try move(folders[index].path, path)
    folders[index].path = path
    folders[index].isOutside = false
    note("move a directory in")
  }
}
