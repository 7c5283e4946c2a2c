import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Datasets

@Suite struct DatasetTests {
  let directory = TemporaryDirectory()

  /// Makes empty files, with the directories that they need.
  func make(_ files: String...) {
    for file in files {
      var path = FilePath(file)
      var parents: [FilePath] = []
      while path.removeLastComponent(), !path.isEmpty { parents.append(path) }
      for parent in parents.reversed() {
        mkdir(directory.path.pushing(parent).string, 0o755)
      }
      directory.write("", to: file)
    }
  }

  func describe(_ dataset: Dataset) -> [String] {
    dataset.images.map { image in
      [
        image.name.string, "\(image.label.rawValue)", image.group ?? "-", image.category ?? "-", image.source ?? "-",
        image.split?.rawValue ?? "-",
      ].joined(separator: " ")
    }
  }

  @Test func labelsWithGeneratorsBelow() throws {
    make("real/camera/a.png", "real/b.jpg", "fake/sd/x/c.png", "fake/mj/d.png", "fake/mj/.DS_Store", "manifest.csv")
    let dataset = try Dataset(reading: directory.path)
    #expect(
      describe(dataset) == [
        "fake/mj/d.png 1 - - mj -", "fake/sd/x/c.png 1 - - sd -", "real/b.jpg 0 - - - -",
        "real/camera/a.png 0 - - camera -",
      ])
    #expect(dataset.unlabelled == [directory.path("manifest.csv")])
    #expect(dataset.unreadable.isEmpty)
    #expect(dataset.images.allSatisfy { access($0.path.string, R_OK) == 0 })
  }

  @Test func generatorsWithLabelsBelow() throws {
    make(
      "progan/car/0_real/1.png", "progan/car/1_fake/2.png", "progan/cat/1_fake/3.png", "biggan/0_real/4.png",
      "biggan/1_fake/5.png")
    #expect(
      describe(try Dataset(reading: directory.path)) == [
        "biggan/0_real/4.png 0 biggan - - -", "biggan/1_fake/5.png 1 biggan - - -",
        "progan/car/0_real/1.png 0 progan car - -", "progan/car/1_fake/2.png 1 progan car - -",
        "progan/cat/1_fake/3.png 1 progan cat - -",
      ])
  }

  @Test func splits() throws {
    make("sd/train/ai/1.png", "sd/val/ai/2.png", "sd/val/nature/3.png", "mj/imagenet_mj/val/ai/4.png")
    #expect(
      describe(try Dataset(reading: directory.path, split: .validation)) == [
        "mj/imagenet_mj/val/ai/4.png 1 mj imagenet_mj - val", "sd/val/ai/2.png 1 sd - - val",
        "sd/val/nature/3.png 0 sd - - val",
      ])
    #expect(try Dataset(reading: directory.path, split: .train).images.count == 1)
    #expect(throws: DatasetError.self) { try Dataset(reading: directory.path, split: .test) }
  }

  @Test func lists() throws {
    make("images/a,b.png", "c.png")
    let list = directory.write(
      "\u{FEFF}typ,filename,other\r\nreal,\"images/a,b.png\",1\r\nsdxl,c.png,\"x\"\"y\nz\"\nreal_RAISE,d.png,\nreality,e.png,\n\n",
      to: "list.csv")
    let dataset = try Dataset(reading: list)
    #expect(
      describe(dataset) == [
        "images/a,b.png 0 - - - -", "c.png 1 - - sdxl -", "d.png 0 - - RAISE -", "e.png 1 - - reality -",
      ])
    #expect(dataset.images[0].path == directory.path("images/a,b.png"))
    // As the development data's manifest has it.
    let manifest = directory.write("path,label,generator\nx/1.png,fake,LDM\nx/2.png,real,\n", to: "manifest.csv")
    #expect(describe(try Dataset(reading: manifest)) == ["x/1.png 1 - - LDM -", "x/2.png 0 - - - -"])
  }

  @Test func namesThatAreNotUTF8() throws {
    let name = [UInt8]("f\u{E9}".unicodeScalars.map { UInt8($0.value) })
    let list = directory.path("list.csv")
    let file = try FileDescriptor.open(list, .writeOnly, options: .create, permissions: .ownerReadWrite)
    try file.closeAfter {
      _ = try file.writeAll(Array("filename,typ\n".utf8) + CSVTable.line([name, Array("real".utf8)]))
    }
    let image = try #require(try Dataset(reading: list).images.first)
    #expect(image.name.bytes == name)
    #expect(image.path.bytes == directory.path.bytes + [UInt8(ascii: "/")] + name)
  }

  @Test(arguments: [
    "", "filename,other\na,b\n", "filename,typ\na\n", "filename,typ\na,\n", "filename,typ\n,real\n",
    "filename,typ\n\"a,real\n", "filename,typ\n",
  ])
  func badLists(_ text: String) {
    let list = directory.write(text, to: "list.csv")
    #expect(throws: DatasetError.self) { try Dataset(reading: list) }
  }

  @Test func linksAreFollowedButNotInCircles() throws {
    make("elsewhere/a.png", "set/fake/x/b.png")
    _ = directory.makeSymlink("set/real", to: directory.path("elsewhere"))
    _ = directory.makeSymlink("set/fake/x/again", to: directory.path("set"))
    #expect(
      describe(try Dataset(reading: directory.path("set"))) == ["fake/x/b.png 1 - - x -", "real/a.png 0 - - - -"])
  }

  @Test func nothingThere() {
    #expect(throws: DatasetError.self) { try Dataset(reading: directory.path("missing")) }
    #expect(throws: DatasetError.self) { try Dataset(reading: directory.path) }
  }

  static let realSet = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .removingLastComponent().appending("shared/data/dev")

  @Test(.enabled(if: access(realSet.string, R_OK) == 0, "../shared, the development data, is missing"))
  func treeAndListAgreeOnARealSet() throws {
    let (tree, list) = (
      try Dataset(reading: Self.realSet), try Dataset(reading: Self.realSet.appending("manifest.csv"))
    )
    #expect(Set(tree.images.map(\.name)) == Set(list.images.map(\.name)))
    #expect(
      Dictionary(grouping: tree.images, by: \.label).mapValues(\.count)
        == Dictionary(grouping: list.images, by: \.label).mapValues(\.count))
  }
}
