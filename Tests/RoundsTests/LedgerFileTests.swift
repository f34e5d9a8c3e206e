import Crypto
import Ledger
import Rounds
import Tensor
import TestKit
import Testing

/// Reads a ledger file to its end, every payload checked. Also the body of a fuzz target: it never traps.
func ledgerFuzzEntry(_ bytes: [UInt8]) throws(LedgerFileError) -> (heights: Int, head: VersionDigest?) {
    var reader = try LedgerFileReader(MemoryPayload(bytes))
    var heights = 0
    while let entry = try reader.next() {
        try entry.verifyPayloads()
        heights += 1
    }
    return (heights, reader.end?.head)
}

@Suite struct LedgerFileTests {
    private let mesh: SmallMesh
    private let versions: [CertifiedVersion]
    private let payloads: MemoryPayloads

    init() throws {
        mesh = try SmallMesh()
        (versions, payloads, _) = try mesh.history(2)
    }

    private func exported(_ payloads: MemoryPayloads? = nil) throws -> [UInt8] {
        let sink = MemoryPayloadSink()
        let writer = try LedgerFileWriter(sink, genesis: mesh.genesis)
        for version in versions { try writer.append(version, payloads: payloads ?? self.payloads) }
        try writer.finish()
        return sink.bytes
    }

    @Test func whatWasWrittenIsReadAgain() throws {
        var reader = try LedgerFileReader(MemoryPayload(exported()))
        #expect(reader.network == mesh.genesis.network)
        for version in versions {
            let entry = try #require(try reader.next())
            #expect(entry.certified == version)
            #expect(entry.payloadCount == 3)
            try entry.verifyPayloads()
            for contribution in version.contributions {
                let digest = contribution.body.contributionDigest
                let read = try #require(entry.payload(of: digest))
                let written = try #require(payloads.payload(of: digest))
                #expect(read.byteCount == written.byteCount)
                #expect(
                    try PieceTree.tree(of: AnyPayload(read), pieceBytes: 1024).root == contribution.body.pieceRoot)
            }
            #expect(entry.payload(of: ContributionDigest(.zero)) == nil)
        }
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
        #expect(reader.end?.head == versions[1].version.versionDigest)
        #expect(reader.end?.height == Height(2))
    }

    @Test func aFileOnDiskReplays() throws {
        let folder = TemporaryFolder()
        let sink = try FilePayloadSink(path: folder.file("ledger"))
        let writer = try LedgerFileWriter(sink, genesis: mesh.genesis)
        for version in versions { try writer.append(version, payloads: payloads) }
        try writer.finish()
        try sink.finish()
        _ = try ParameterFile.write(ParameterArray(mesh.versionZero), to: folder.file("0"))
        var replay = try Replay(
            genesis: mesh.genesis,
            parameters: ParameterFile(
                path: folder.file("0"), parameterCount: mesh.layout.parameterCount, expectedRoot: nil))
        var reader = try LedgerFileReader(path: folder.file("ledger"))
        while let entry = try reader.next() {
            try replay.apply(
                entry.certified, payloads: entry, outputPath: folder.file("\(entry.certified.height)"), workers: 2,
                verifier: Verifier())
        }
        #expect(replay.chain.headDigest == reader.end?.head)
    }

    @Test func payloadsMayBeAbsent() throws {
        var reader = try LedgerFileReader(MemoryPayload(exported(MemoryPayloads())))
        let entry = try #require(try reader.next())
        #expect(entry.payloadCount == 0)
        #expect(entry.payload(of: entry.certified.version.manifest[0].contribution) == nil)
        try entry.verifyPayloads()
    }

    @Test func anEmptyLedgerIsWhole() throws {
        let sink = MemoryPayloadSink()
        try LedgerFileWriter(sink, genesis: mesh.genesis).finish()
        var reader = try LedgerFileReader(MemoryPayload(sink.bytes))
        #expect(try reader.next() == nil)
        #expect(reader.end?.head == mesh.genesis.version.versionDigest)
    }

    @Test func everyTruncationIsFound() throws {
        let bytes = try exported()
        for count in stride(from: 0, to: bytes.count, by: 61) {
            #expect(throws: LedgerFileError.self, "\(count) of \(bytes.count)") {
                try ledgerFuzzEntry(Array(bytes.prefix(count)))
            }
        }
        #expect(throws: LedgerFileError.trailingBytes(count: 1)) { try ledgerFuzzEntry(bytes + [0]) }
    }

    @Test func aFlippedBitIsFoundOrLeavesAnotherHead() throws {
        let bytes = try exported()
        var random = SeededRandom(simulationSeed: 7)
        let chain = Chain(genesis: mesh.genesis)
        for _ in 0..<150 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // What the file's own checks cannot see, the audit of its records does.
            #expect(throws: (any Error).self) {
                var reader = try LedgerFileReader(MemoryPayload(damaged))
                guard reader.network == mesh.genesis.network else { throw LedgerFileError.wrongEnd }
                var chain = chain
                let verifier = Verifier()
                while let entry = try reader.next() {
                    try entry.verifyPayloads()
                    chain = try chain.audited(entry.certified, verifier: verifier)
                }
                guard chain.headDigest == reader.end?.head else { throw LedgerFileError.wrongEnd }
            }
        }
    }

    @Test func damageIsNamed() throws {
        var bytes = try exported()
        // The last payload ends before the end item's 16 + 40 bytes.
        bytes[bytes.count - 57] ^= 1
        let slot = versions[1].version.manifest[2].slot
        #expect(throws: LedgerFileError.damagedPayload(Height(2), slot)) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes[0] ^= 1
        #expect(throws: LedgerFileError.notALedger) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes[8] = 9
        #expect(throws: LedgerFileError.unsupportedVersion(9)) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes[16] = 77
        #expect(throws: LedgerFileError.unknownKind(77, item: 0)) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes[16] = 5
        #expect(throws: LedgerFileError.unexpectedItem(item: 0)) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes.replaceSubrange(24..<32, with: [UInt8](repeating: 0xff, count: 8))
        #expect(throws: LedgerFileError.truncated(item: 0)) { try ledgerFuzzEntry(bytes) }
        bytes = try exported()
        bytes[bytes.count - 1] ^= 1
        #expect(throws: LedgerFileError.wrongEnd) { try ledgerFuzzEntry(bytes) }
    }

    @Test(arguments: 0..<4)
    func mutatedFilesNeverTrap(seed: UInt64) throws {
        let good = try exported(MemoryPayloads())
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<100 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(0xff, at: position)
                case 2: bytes.remove(at: position)
                default: bytes[position] ^= 0x80
                }
            }
            if let result = try? ledgerFuzzEntry(bytes), bytes != good {
                // Only signatures and the like can change without notice; the chain's audit sees those.
                #expect(result.heights == 2)
            }
        }
    }

    @Test func writerRefusesAPayloadOfAnotherSize() throws {
        var wrong = MemoryPayloads()
        for entry in versions[0].version.manifest { wrong.insert([1, 2, 3], for: entry.contribution) }
        let writer = try LedgerFileWriter(MemoryPayloadSink(), genesis: mesh.genesis)
        let first = versions[0]
        #expect(
            throws: LedgerFileError.wrongPayloadSize(
                Height(1), first.version.manifest[0].slot, expected: first.contributions[0].body.payloadBytes, found: 3)
        ) {
            try writer.append(first, payloads: wrong)
        }
    }
}

/// Gives a payload of any kind a concrete type.
private struct AnyPayload: PayloadReader {
    let payload: any PayloadReader
    init(_ payload: any PayloadReader) { self.payload = payload }
    var byteCount: Int { payload.byteCount }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(CodecError) {
        try payload.read(at: offset, into: buffer)
    }
}
