import Foundation
import SystemPackage
import Testing

/// What a module may import stands in Package.swift; the compiler alone does not hold modules to that, since it finds
/// whatever has been built.
@Suite struct ModuleImportsTests {
  private struct Module {
    var name: String
    /// Of the modules in `Sources`.
    var declared: Set<String>
    var imported: Set<String>
  }

  private static let repository = URL(filePath: BuiltExecutables.repository.string)

  @Test func modulesImportWhatPackageSwiftSays() throws {
    let modules = try Self.modules()
    #expect(modules.count > 50)
    for module in modules {
      #expect(module.imported.subtracting(module.declared) == [], "\(module.name) imports what it does not declare")
      #expect(module.declared.subtracting(module.imported) == [], "\(module.name) declares what it does not import")
    }
  }

  private static func modules() throws -> [Module] {
    let names = try FileManager.default.contentsOfDirectory(atPath: repository.appending(path: "Sources").path)
    let executables = names.filter { $0.first?.isLowercase == true }
    let package = try String(contentsOf: repository.appending(path: "Package.swift"), encoding: .utf8)
    let declarations = package.matches(
      of: #/\b(?<kind>library|executable|tests)\(\s*"(?<name>[\w-]+)",\s*\[(?<list>[^\]]*)\]/#)
    return try declarations.map { declaration in
      let folder = declaration.kind == "tests" ? "Tests" : "Sources"
      let directory = repository.appending(path: "\(folder)/\(declaration.name)")
      var declared = Set(declaration.list.matches(of: #/"([\w-]+)"/#).map { String($0.1) }).intersection(names)
      // Tests depend on executables so that they are built.
      if declaration.kind == "tests" { declared.subtract(executables) }
      let imported = try imports(below: directory).intersection(names).subtracting(executables)
      return Module(name: String(declaration.name), declared: declared, imported: imported)
    }
  }

  private static func imports(below directory: URL) throws -> Set<String> {
    var found: Set<String> = []
    let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for line in text.matches(
        of:
          #/(?m)^(?:@\w+(?:\(\w+\))? |package |internal |public )*import (?:struct |enum |class |func |protocol )?(\w+)/#
      ) {
        found.insert(String(line.1))
      }
    }
    return found
  }
}
