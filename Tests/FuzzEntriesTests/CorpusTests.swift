import Foundation
import FuzzEntries
import Testing

/// What fuzzing found worth keeping is run again with every test: the corpora, and each input that once was a finding.
@Suite struct CorpusTests {
    private static let home = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz")

    private static func inputs(_ folder: String, _ entry: FuzzEntry) throws -> [[UInt8]] {
        let folder = home.appending(path: folder).appending(path: entry.rawValue)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
    }

    @Test(arguments: FuzzEntry.allCases) func everySeedIsSound(entry: FuzzEntry) {
        let seeds = FuzzSeeds.inputs(of: entry)
        #expect(!seeds.isEmpty)
        for seed in seeds {
            #expect(!seed.isEmpty)
            entry.run(seed)
        }
        entry.run([])
    }

    @Test(arguments: FuzzEntry.allCases) func theCorpusIsReplayed(entry: FuzzEntry) throws {
        let corpus = try Self.inputs("corpora", entry)
        #expect(!corpus.isEmpty, "Fuzz/corpora/\(entry.rawValue) is empty")
        for input in corpus { entry.run(input) }
    }

    @Test(arguments: FuzzEntry.allCases) func whatOnceFailedNoLongerDoes(entry: FuzzEntry) throws {
        for input in try Self.inputs("failures", entry) { entry.run(input) }
    }

    /// A folder that no entry reads would look like a corpus and be none.
    @Test(arguments: ["corpora", "failures"]) func everyFolderBelongsToAnEntry(name: String) throws {
        let folder = Self.home.appending(path: name)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
        #expect(Set(names).isSubset(of: Set(FuzzEntry.allCases.map(\.rawValue) + ["README.md"])))
    }

    /// The recorded conversation really leads the member through versions: else its corpus would test little.
    @Test func theConversationIsAboutVersions() throws {
        let script = try #require(FuzzSeeds.inputs(of: .member).last)
        #expect(FuzzEntry.heightReached(by: script) == 3)
    }
}
