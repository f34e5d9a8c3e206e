import Testing

/// Swift's strings are equal by canonical equivalence, by the tables of one Unicode version. What members and auditors
/// judge compares bytes: keys are `ExactText`, never `String`.
struct ByteEqualityTests {
    @Test(arguments: ["Crypto", "Ledger", "Gossip", "Rounds", "Tensor"])
    func judgedModule_hasNoSetOrDictionaryOfStrings(module: String) throws {
        let files = try SourceTree.files(below: "Sources/\(module)", ["swift"])
        #expect(!files.isEmpty)
        for file in files {
            let places = file.places { $0.contains("Set<String>") || $0.contains("[String:") }
            #expect(places.isEmpty, "use ExactText: \(places)")
        }
    }

    /// Versions of libzstd disagree about damaged frames: only pieces on links may depend on it.
    @Test func onlyCompressionCallsZstd() throws {
        for file in try SourceTree.files(below: "Sources", ["swift"]) where !file.path.contains("/Compression/") {
            #expect(file.places { $0.contains("ZSTD_") || $0.contains("import CZstd") }.isEmpty)
        }
    }
}
