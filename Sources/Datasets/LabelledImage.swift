import SystemPackage

/// A file of a data set, and what its place says about it. Nobody has looked into the file: it may be no image at all.
package struct LabelledImage: Hashable, Sendable {
  package var path: FilePath
  /// Below the data set's root, or as the list has it: the name to show and to find the image again by.
  package var name: FilePath
  package var label: Label
  /// A collection with real images of its own, to which its fakes are compared: the `progan` of `progan/car/0_real`. Nil if
  /// the data set has one pool of real images.
  package var group: String?
  /// The `car` of `progan/car/0_real`.
  package var category: String?
  /// Where it comes from: a generator, or a camera or kind of real images. Nil if nothing says so.
  package var source: String?
  package var split: Split?

  package init(
    path: FilePath, name: FilePath, label: Label, group: String? = nil, category: String? = nil, source: String? = nil,
    split: Split? = nil
  ) {
    self.path = path
    self.name = name
    self.label = label
    self.group = group
    self.category = category
    self.source = source
    self.split = split
  }

  /// Takes label and origin from the directories between the root and the file; nil if none of them is a label.
  ///
  /// The first directory with a label's name counts. Above it are group and category (a split is neither), the directory
  /// below it is the source.
  package init?(path: FilePath, name: FilePath) {
    let directories = name.components.dropLast().map(\.string)
    guard let index = directories.firstIndex(where: { Label(directory: $0) != nil }),
      let label = Label(directory: directories[index])
    else { return nil }
    let above = directories[..<index]
    let groups = above.filter { Split(directory: $0) == nil }
    self.init(
      path: path, name: name, label: label, group: groups.first,
      category: groups.count > 1 ? groups.dropFirst().joined(separator: "/") : nil,
      source: directories[(index + 1)...].first,
      split: above.lazy.compactMap { Split(directory: $0) }.last)
  }
}
