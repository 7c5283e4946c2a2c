import Filesystem
import StayposCore
import SystemPackage

/// Labelled files, in the order of their paths' bytes or of the list that names them.
///
/// Layouts: a tree with directories named after labels (``LabelledImage/init(path:name:)``), or a list in CSV
/// (``init(list:split:)``). Symbolic links are followed. Nobody looks into the files.
package struct Dataset: Sendable {
  /// The directory, or the list.
  package let root: FilePath
  package var images: [LabelledImage]
  /// Files below no directory that is a label. Hidden files are not counted.
  package let unlabelled: [FilePath]
  /// Directories that could not be listed.
  package let unreadable: [Unreadable]

  package struct Unreadable: Sendable, Equatable {
    package var path: FilePath
    package var errno: Errno
  }

  /// - Parameters:
  ///   - root: a directory; or a file, which is taken for a list.
  ///   - split: only what a directory of this name holds; nil: everything.
  package init(reading root: FilePath, split: Split? = nil) throws(DatasetError) {
    guard FileWalk.isDirectory(root) else {
      try self.init(list: root, split: split)
      return
    }
    var images: [LabelledImage] = []
    var unlabelled: [FilePath] = []
    var unreadable: [Unreadable] = []
    let depth = root.components.count
    FileWalk.visit([root], followingLinks: true) { item in
      switch item {
      case .unreadable(let path, let errno): unreadable.append(Unreadable(path: path, errno: errno))
      case .file(let path):
        guard path.lastComponent?.string.hasPrefix(".") == false else { return }
        let name = FilePath(root: nil, path.components.dropFirst(depth))
        guard let image = LabelledImage(path: path, name: name) else {
          unlabelled.append(path)
          return
        }
        if split == nil || image.split == split { images.append(image) }
      }
    }
    guard !images.isEmpty else {
      throw DatasetError(
        unreadable.first.map { "cannot read \($0.path.escaped): \($0.errno)" }
          ?? "\(root.escaped): no labelled file\(split.map { " of the split \($0.rawValue)" } ?? ""): images have to lie in "
          + "directories 0_real and 1_fake, real and fake (or generated), or nature and ai, or be named in a CSV file")
    }
    self.init(root: root, images: images, unlabelled: unlabelled, unreadable: unreadable)
  }

  init(root: FilePath, images: [LabelledImage], unlabelled: [FilePath], unreadable: [Unreadable]) {
    self.root = root
    self.images = images
    self.unlabelled = unlabelled
    self.unreadable = unreadable
  }
}
