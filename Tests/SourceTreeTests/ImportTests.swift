import Foundation
import Testing

struct ImportTests {
    @Test func everyTargetStandsInTheTable() throws {
        let known = Set(importTable.map(\.module)).union(targetsWithoutSwift)
        #expect(known.count == importTable.count + targetsWithoutSwift.count, "a module stands in the table twice")
        let unknown = try SourceTree.folders(in: "Sources").subtracting(known)
        #expect(unknown.isEmpty, "not in ImportTable.swift: \(unknown.sorted())")
    }

    @Test(arguments: importTable)
    func aModuleImportsOnlyWhatTheTableHas(row: ModuleRow) throws {
        let files = try SourceTree.files(below: "Sources/\(row.module)", ["swift"])
        #expect(!files.isEmpty, "no source file of \(row.module) was found")
        let allowed = row.ours.union(row.outside)
        for file in files {
            let arrows = file.places { line in
                SourceFile.importedModule(line).map { !allowed.contains($0) } ?? false
            }
            #expect(arrows.isEmpty, "\(row.module) may not import this: \(arrows)")
        }
    }

    @Test func theTableHasNoCycleAndKeepsTheProtocolPure() {
        var placed: Set<String> = []
        for row in importTable {
            let later = row.ours.subtracting(placed)
            #expect(later.isEmpty, "\(row.module) imports what the table defines after it: \(later.sorted())")
            placed.insert(row.module)
            if pureModules.contains(row.module) {
                #expect(row.ours.union(row.outside).isDisjoint(with: forbiddenInPureModules))
            }
        }
        #expect(pureModules.isSubset(of: placed))
    }

    @Test func onlyTheAgreedPackagesAreNamed() throws {
        let manifest = try SourceTree.text("Package.swift")
        let dependencies = manifest.matches(
            of: /\.package\(\s*(?:name:\s*"[^"]*",\s*)?(url|path):\s*"([^"]*)"([^)]*)\)/)
        #expect(Set(dependencies.map { String($0.output.2) }) == allowedPackages)
        for dependency in dependencies {
            #expect(dependency.output.1 == "url")
            #expect(dependency.output.3.contains("exact:"), "\(dependency.output.2) has no exact version")
        }
    }

    /// Two modules of one name cannot be linked, and whichever is found first would be used.
    @Test func noDependencyBringsAModuleNamedCrypto() throws {
        guard SourceTree.isDirectory(".build/checkouts") else { return }
        for package in try SourceTree.folders(in: ".build/checkouts") {
            let folder = ".build/checkouts/\(package)"
            #expect(!SourceTree.isDirectory("\(folder)/Sources/Crypto"), "\(package) has a module Crypto")
            let manifest = try SourceTree.text("\(folder)/Package.swift")
            #expect(manifest.firstMatch(of: /arget\(\s*name:\s*"Crypto"/) == nil, "\(package) has a target Crypto")
        }
    }

    @Test(arguments: [
        ("import Crypto", "Crypto"), ("@testable import Crypto", "Crypto"), ("  public import Glibc", "Glibc"),
        ("import struct Foundation.Date", "Foundation"), ("@preconcurrency import Dispatch // why", "Dispatch"),
        ("import func Glibc.open", "Glibc"), ("import Foundation;", "Foundation"),
        ("// import Crypto", nil), ("let important = 1", nil), ("#if canImport(Glibc)", nil),
    ])
    func everyFormOfImportIsSeen(line: String, module: String?) {
        #expect(SourceFile.importedModule(line) == module)
    }
}
