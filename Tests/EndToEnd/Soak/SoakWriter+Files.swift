import Foundation
import Glibc
import SystemPackage

/// What is done to files.
extension SoakWriter {
  private func add(_ content: SoakContent, _ folder: Int, _ name: String) {
    ledger.change(content.number) { $0.names += 1 }
    files.append(File(content: content, folder: folder, name: name, links: [name]))
  }

  func create() throws {
    let (content, folder, name) = (anyContent(), anyFolder(), freshName())
    try write(content, to: folders[folder].path.appending(name), [.create, .exclusiveCreate])
    add(content, folder, name)
    note("create")
  }

  /// Complete outside, then moved in.
  func moveIn() throws {
    let (content, folder, name) = (anyContent(), anyFolder(), freshName())
    let from = outside.appending(name)
    try write(content, to: from, [.create, .exclusiveCreate])
    try move(from, folders[folder].path.appending(name))
    add(content, folder, name)
    note("move in")
  }

  /// As browsers and rsync do it: the daemon may be quicker than the rename.
  func createByTemporaryName() throws {
    let (content, folder, name) = (anyContent(), anyFolder(), freshName())
    let from = folders[folder].path.appending(".\(name).part")
    try write(content, to: from, [.create, .exclusiveCreate])
    let isRenamed = try attempt("rename a temporary name") {
      Glibc.rename(from.string, folders[folder].path.appending(name).string)
    }
    add(content, folder, isRenamed ? name : ".\(name).part")
    if !isRenamed { forgetIfFlagged(files.count - 1) }
  }

  func rename() throws {
    guard let index = anyFile() else { return }
    let (folder, name) = (anyFolder(), freshName())
    let from = path(of: files[index])
    let isRenamed = try attempt("rename") { Glibc.rename(from.string, folders[folder].path.appending(name).string) }
    guard isRenamed else { return forgetIfFlagged(index) }
    files[index].folder = folder
    files[index].name = name
  }

  /// Another file takes the name; whether the old one was still there nobody can say.
  func replace() throws {
    guard let index = anyFile() else { return }
    let content = anyContent()
    let from = outside.appending(freshName())
    try write(content, to: from, [.create, .exclusiveCreate])
    let old = files.remove(at: index)
    try move(from, path(of: old))
    ledger.change(old.content.number) { $0.perhapsGone += 1 }
    add(content, old.folder, old.name)
    note("replace")
  }

  func exchange() throws {
    guard let one = anyFile(), let other = anyFile(where: { $0.name != files[one].name }) else { return }
    let (from, to) = (path(of: files[one]), path(of: files[other]))
    do {
      try EndToEnd.exchange(from, to)
    } catch let error as Errno where error == .noSuchFileOrDirectory {
      // One of the two, or both.
      _ = try attempt("exchange") {
        errno = ENOENT
        return -1
      }
      return
    }
    note("exchange")
    let place = (files[one].folder, files[one].name)
    (files[one].folder, files[one].name) = (files[other].folder, files[other].name)
    (files[other].folder, files[other].name) = place
  }

  func link() throws {
    guard let index = anyFile() else { return }
    let (folder, name) = (anyFolder(), freshName())
    let from = path(of: files[index])
    guard try attempt("link", { Glibc.link(from.string, folders[folder].path.appending(name).string) }) else {
      return forgetIfFlagged(index)
    }
    add(files[index].content, folder, name)
  }

  /// Truncated and written anew in place. Not what is flagged or has other names: those writes would reach the quarantine.
  func rewrite() throws {
    let numbers = Dictionary(files.map { ($0.content.number, 1) }, uniquingKeysWith: +)
    guard let index = anyFile(where: { !$0.content.isFlagged && numbers[$0.content.number] == 1 }) else { return }
    let content = anyContent()
    do {
      try write(content, to: path(of: files[index]), [.truncate])
    } catch let error as Errno where error == .noSuchFileOrDirectory {
      return
    }
    ledger.change(files[index].content.number) { $0.surelyGone += 1 }
    let old = files.remove(at: index)
    add(content, old.folder, old.name)
    note("truncate and rewrite")
  }

  func delete() throws {
    guard let index = anyFile() else { return }
    let path = path(of: files[index])
    guard try attempt("delete", { unlink(path.string) }) else { return forgetIfFlagged(index) }
    let old = files.remove(at: index)
    ledger.change(old.content.number) { $0.surelyGone += 1 }
  }

  /// Another mode and time, the same bytes.
  func touch() throws {
    guard let index = anyFile() else { return }
    let path = path(of: files[index])
    guard try attempt("chmod", { chmod(path.string, Bool.random(using: &random) ? 0o640 : 0o604) }) else {
      return forgetIfFlagged(index)
    }
    _ = utimensat(AT_FDCWD, path.string, nil, 0)
  }
}
