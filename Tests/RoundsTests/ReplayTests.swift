import Crypto
import Ledger
import Rounds
import Tensor
import TestKit
import Testing

@Suite struct ReplayTests {
    private func replay(_ mesh: SmallMesh, in folder: TemporaryFolder) throws -> Replay {
        try Replay(genesis: mesh.genesis, parameters: mesh.fileZero(folder.file("0")))
    }

    @Test func aReplayReachesTheCertifiedHead() throws {
        let mesh = try SmallMesh()
        let (versions, payloads, parameters) = try mesh.history(4)
        let folder = TemporaryFolder()
        var replay = try replay(mesh, in: folder)
        let verifier = Verifier()
        for (index, version) in versions.enumerated() {
            try replay.apply(
                version, payloads: payloads, outputPath: folder.file("\(index + 1)"), workers: 1 + index % 3,
                verifier: verifier)
            #expect(replay.chain.headDigest == version.version.versionDigest)
            #expect(replay.parameters.root == version.version.roots.parameters)
        }
        #expect(try replay.parameters.readAll() == parameters)
    }

    @Test func anotherVersionZeroIsRefused() throws {
        let mesh = try SmallMesh()
        let other = try SmallMesh(seed: 2)
        let folder = TemporaryFolder()
        let tree = try ParameterFile.write(ParameterArray(other.versionZero), to: folder.file("0"))
        let file = try ParameterFile(
            path: folder.file("0"), parameterCount: other.layout.parameterCount, expectedRoot: tree.name)
        #expect(throws: ReplayFault.wrongStart(expected: mesh.genesis.roots, found: StateRoots(tree))) {
            try Replay(genesis: mesh.genesis, parameters: file)
        }
    }

    @Test func aRootThatTheContributionsDoNotGiveIsFoundAlthoughItIsCertified() throws {
        let mesh = try SmallMesh()
        let chain = Chain(genesis: mesh.genesis)
        let (record, payload) = try mesh.contribution(by: 2, on: chain.bases[0])
        var payloads = MemoryPayloads()
        payloads.insert(payload, for: record.body.contributionDigest)
        let forged = try mesh.certified(on: chain, listing: [record]) { _ in StateRoots(parameters: .zero) }
        let folder = TemporaryFolder()
        var replay = try replay(mesh, in: folder)
        let before = replay.chain.headDigest
        var found: ReplayFault?
        do {
            try replay.apply(
                forged, payloads: payloads, outputPath: folder.file("1"), workers: 1, verifier: Verifier())
        } catch { found = error }
        guard case .wrongRoot(Height(1), expected: StateRoots(parameters: .zero), computed: _)? = found else {
            Issue.record("found \(String(describing: found))")
            return
        }
        #expect(replay.chain.headDigest == before)
        #expect(replay.parameters.root == mesh.genesis.roots.parameters)
    }

    @Test func missingOrForeignPayloadsAreNamed() throws {
        let mesh = try SmallMesh()
        let (versions, _, _) = try mesh.history(1)
        let folder = TemporaryFolder()
        var replay = try replay(mesh, in: folder)
        let slot = versions[0].version.manifest[0].slot
        #expect(throws: ReplayFault.missingPayload(Height(1), slot)) {
            try replay.apply(
                versions[0], payloads: MemoryPayloads(), outputPath: folder.file("1"), workers: 1, verifier: Verifier())
        }
        let (_, payload) = try mesh.contribution(by: 0, on: replay.chain.bases[0])
        var swapped = MemoryPayloads()
        for entry in versions[0].version.manifest { swapped.insert(payload + [0], for: entry.contribution) }
        #expect(throws: ReplayFault.self) {
            try replay.apply(
                versions[0], payloads: swapped, outputPath: folder.file("1"), workers: 1, verifier: Verifier())
        }
    }
}
