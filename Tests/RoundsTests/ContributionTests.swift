import Crypto
import Ledger
import Rounds
import Tensor
import TestKit
import Testing

@Suite struct ContributionTests {
    private let mesh: SmallMesh
    private let base: Chain.Base

    init() throws {
        mesh = try SmallMesh()
        base = Chain(genesis: mesh.genesis).bases[0]
    }

    private func fault(_ record: Ledger.Contribution, _ payload: [UInt8], rules: Rules? = nil) -> ContributionFault? {
        do {
            try ContributionValidation.validate(
                record, payload: MemoryPayload(payload), layout: mesh.layout, rules: rules ?? mesh.genesis.rules)
            return nil
        } catch { return error }
    }

    private func record(
        _ good: Ledger.Contribution, encoding: Encoding? = nil, bytes: UInt64? = nil, pieceBytes: UInt32? = nil,
        root: Digest? = nil, norm: UInt64? = nil
    ) -> Ledger.Contribution {
        Ledger.Contribution(
            network: good.network, author: good.author, base: good.base, baseHeight: good.baseHeight,
            encoding: encoding ?? good.encoding, payloadBytes: bytes ?? good.payloadBytes,
            pieceBytes: pieceBytes ?? good.pieceBytes, pieceRoot: root ?? good.pieceRoot, norm: norm ?? good.norm,
            steps: good.steps, tokens: good.tokens, lossCentinats: good.lossCentinats, dataSets: good.dataSets,
            trainer: good.trainer)
    }

    @Test func handedOverContributionIsValid() throws {
        let (record, payload) = try mesh.contribution(by: 0, on: base)
        #expect(fault(record.body, payload) == nil)
        #expect(record.body.payloadBytes == UInt64(payload.count))
    }

    @Test func everyClaimOfTheRecordIsChecked() throws {
        let (signed, payload) = try mesh.contribution(by: 0, on: base)
        let good = signed.body
        let size = UInt64(payload.count)
        #expect(
            fault(record(good, encoding: .denseFloat32), payload)
                == .encodingMismatch(expected: good.encoding, found: .denseFloat32))
        #expect(fault(record(good, pieceBytes: 2048), payload) == .pieceBytesMismatch(expected: 1024, found: 2048))
        #expect(
            fault(record(good, norm: good.norm + 1), payload)
                == .codec(.normMismatch(claimed: good.norm + 1, computed: good.norm)))
        #expect(fault(record(good, bytes: size + 1), payload) == .wrongStoredSize(expected: size + 1, found: size))
        #expect(
            fault(record(good, root: .zero), payload) == .wrongStoredPieces(expected: .zero, found: good.pieceRoot))
        var rules = mesh.genesis.rules
        rules.contributionBytesMaximum = size - 1
        #expect(fault(good, payload, rules: rules) == .tooLarge(bytes: size, limit: size - 1))
        let limit = mesh.genesis.rules.encoding.payloadBytesMaximum(of: mesh.genesis.tensors)
        #expect(fault(record(good, bytes: limit + 1), payload) == .tooLarge(bytes: limit + 1, limit: limit))
    }

    /// A payload that its author signed but that does not decode is refused by the protocol's names.
    @Test(arguments: [(Encoding.topK(kept: 64, bits: 2), "size-mismatch"), (.denseFloat32, "norm-mismatch")])
    func signedNonsenseIsRefusedByName(encoding: Encoding, expected: String) throws {
        let mesh = try SmallMesh(encoding: encoding)
        let (signed, payload) = try mesh.contribution(by: 1, on: Chain(genesis: mesh.genesis).bases[0])
        var random = SeededRandom(simulationSeed: 3)
        var refusals: Set<String> = []
        for _ in 0..<50 {
            var bytes = payload
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            let root = try PieceTree.tree(of: MemoryPayload(bytes), pieceBytes: 1024).root
            guard let fault = fault(record(signed.body, root: root), bytes, rules: mesh.genesis.rules) else { continue }
            refusals.insert(try #require(fault.refusal))
        }
        #expect(refusals.contains(expected))
        #expect(
            refusals.isSubset(of: [
                "size-mismatch", "norm-mismatch", "too-large", "index-out-of-order", "shape-mismatch",
                "dtype-mismatch", "non-finite", "not-canonical",
            ]))
    }

    @Test func ownStorageIsNoRefusal() {
        #expect(ContributionFault.wrongStoredSize(expected: 2, found: 1).refusal == nil)
        #expect(ContributionFault.wrongStoredPieces(expected: .zero, found: .zero).refusal == nil)
        #expect(ContributionFault.tooLarge(bytes: 2, limit: 1).refusal == "too-large")
        #expect(
            ContributionFault.encodingMismatch(expected: .denseFloat32, found: .denseFloat32).refusal
                == "dtype-mismatch")
    }

    @Test func filesAndMemoryEncodeAlike() throws {
        let folder = TemporaryFolder()
        var random = SeededRandom(simulationSeed: 9)
        func vector() -> [Float] {
            (0..<mesh.layout.parameterCount).map { _ in Float.random(in: -0.1...0.1, using: &random) }
        }
        let delta = vector()
        let before = vector()
        var residual = before
        let (payload, expected) = try Submission.encode(
            delta: delta, residual: &residual, layout: mesh.layout, rules: mesh.genesis.rules)
        let submission = try Submission(
            delta: ParameterArray(delta), residual: ParameterArray(before), layout: mesh.layout,
            rules: mesh.genesis.rules, payloadPath: folder.file("payload"), residualPath: folder.file("residual"))
        #expect(submission == expected)
        let file = try FilePayload(path: folder.file("payload"))
        #expect(file.byteCount == payload.count)
        #expect(try PieceTree.tree(of: file, pieceBytes: 1024).root == submission.pieceRoot)
        let kept = try ParameterFile(
            path: folder.file("residual"), parameterCount: mesh.layout.parameterCount, expectedRoot: nil)
        #expect(try kept.readAll() == residual)
        #expect(try Submission(encoded: file, layout: mesh.layout, rules: mesh.genesis.rules) == submission)
    }

    @Test func nonFiniteDeltaIsRefused() throws {
        var delta = [Float](repeating: 0, count: mesh.layout.parameterCount)
        delta[5000] = .nan
        var residual = [Float](repeating: 1, count: delta.count)
        #expect(throws: EncodingError.self) {
            try Submission.encode(delta: delta, residual: &residual, layout: mesh.layout, rules: mesh.genesis.rules)
        }
        #expect(residual.allSatisfy { $0 == 1 })
    }

    /// Nothing is lost: with a decay of one, what was left out plus what stayed in the residual is what was handed
    /// over.
    @Test(arguments: [
        Encoding.topK(kept: 64, bits: 2), .topK(kept: 200, bits: 4), .topK(kept: 1024, bits: 8), .denseFloat32,
        .denseBFloat16,
    ])
    func leftOutContributionGoesBackIntoTheResidual(encoding: Encoding) throws {
        var rules = mesh.genesis.rules
        rules.encoding = encoding
        rules.errorFeedbackQ16 = 65_536
        var random = SeededRandom(simulationSeed: 4)
        // Multiples of 2^-12, so that float32 sums are exact.
        let delta = (0..<mesh.layout.parameterCount).map { _ in Float(Int.random(in: -400...400, using: &random)) / 4096
        }
        var residual = [Float](repeating: 0, count: delta.count)
        let (payload, _) = try Submission.encode(
            delta: delta, residual: &residual, layout: mesh.layout, rules: rules)
        let restored = ParameterArraySink()
        try LeftOut.restore(
            MemoryPayload(payload), profile: CodecProfile(encoding), layout: mesh.layout,
            residual: ParameterArray(residual), nextResidual: restored)
        #expect(restored.values.count == delta.count)
        for (value, expected) in zip(restored.values, delta) { #expect(abs(value - expected) <= 1e-6) }
        #expect(residual != restored.values)
    }
}
