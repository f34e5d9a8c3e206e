import Ledger
import Rounds
import Tensor
import TestKit
import Testing

@Suite struct AverageTests {
    private func manifest(_ mesh: SmallMesh) throws -> ([ManifestEntry], MemoryPayloads) {
        let chain = Chain(genesis: mesh.genesis)
        var payloads = MemoryPayloads()
        var records: [Signed<Ledger.Contribution>] = []
        for author in 0..<4 {
            let (record, payload) = try mesh.contribution(by: author, on: chain.bases[0])
            payloads.insert(payload, for: record.body.contributionDigest)
            records.append(record)
        }
        var listed: [ManifestEntry] = []
        _ = try mesh.certified(on: chain, listing: records) { manifest in
            listed = manifest
            return mesh.genesis.roots
        }
        return (listed, payloads)
    }

    @Test(arguments: [Encoding.topK(kept: 64, bits: 2), .topK(kept: 1024, bits: 1), .denseFloat32, .denseBFloat16])
    func anyNumberOfWorkersGivesTheSameFile(encoding: Encoding) throws {
        let mesh = try SmallMesh(encoding: encoding, rows: 600)
        let (manifest, payloads) = try manifest(mesh)
        let expected = try ManifestAverage.average(
            manifest, payloads: payloads, parent: mesh.versionZero, layout: mesh.layout, rules: mesh.genesis.rules,
            members: 4)
        #expect(expected.roots.parameters != mesh.genesis.roots.parameters)
        let folder = TemporaryFolder()
        let zero = try mesh.fileZero(folder.file("0"))
        for workers in [1, 2, 5] {
            let path = folder.file("average-\(workers)")
            let (roots, _) = try ManifestAverage.average(
                manifest, payloads: payloads, parent: zero, layout: mesh.layout,
                rules: mesh.genesis.rules, members: 4, outputPath: path, workers: workers)
            #expect(roots == expected.roots)
            let file = try ParameterFile(
                path: path, parameterCount: mesh.layout.parameterCount, expectedRoot: roots.parameters)
            #expect(try file.readAll() == expected.parameters)
        }
    }

    @Test func emptyManifestKeepsTheParameters() throws {
        let mesh = try SmallMesh()
        let average = try ManifestAverage.average(
            [], payloads: MemoryPayloads(), parent: mesh.versionZero, layout: mesh.layout, rules: mesh.genesis.rules,
            members: 4)
        #expect(average.parameters == mesh.versionZero)
        #expect(average.roots == mesh.genesis.roots)
    }

    @Test func rulesAndWeightsMatter() throws {
        let mesh = try SmallMesh()
        let (manifest, payloads) = try manifest(mesh)
        func root(_ manifest: [ManifestEntry], _ rules: Rules) throws -> StateRoots {
            try ManifestAverage.average(
                manifest, payloads: payloads, parent: mesh.versionZero, layout: mesh.layout, rules: rules, members: 4
            ).roots
        }
        let plain = try root(manifest, mesh.genesis.rules)
        var rules = mesh.genesis.rules
        rules.outerLearningRateQ16 = 2 << 16
        #expect(try root(manifest, rules) != plain)
        var lighter = manifest
        let entry = manifest[0]
        lighter[0] = ManifestEntry(
            slot: entry.slot, baseHeight: entry.baseHeight, contribution: entry.contribution,
            availability: entry.availability, weightQ30: entry.weightQ30 / 2)
        #expect(try root(lighter, mesh.genesis.rules) != plain)
        #expect(try root(Array(manifest.dropLast()), mesh.genesis.rules) != plain)
    }

    @Test func whatLacksIsNamed() throws {
        let mesh = try SmallMesh()
        let (manifest, payloads) = try manifest(mesh)
        #expect(throws: ManifestFault.missingPayload(manifest[0].contribution)) {
            try ManifestAverage.average(
                manifest, payloads: MemoryPayloads(), parent: mesh.versionZero, layout: mesh.layout,
                rules: mesh.genesis.rules, members: 4)
        }
        let folder = TemporaryFolder()
        let zero = try mesh.fileZero(folder.file("0"))
        #expect(throws: ManifestFault.self) {
            try ManifestAverage.average(
                manifest, payloads: payloads, parent: zero, layout: mesh.layout,
                rules: mesh.genesis.rules, members: 4, outputPath: folder.file("no/such/folder"), workers: 1)
        }
    }

    /// By tokens, a member's part of the step is its share, and never more than the cap: what the cap cuts off is
    /// nobody's.
    @Test func cappedSharesOfTokensGiveExactlyThatPartOfEachUpdate() throws {
        let mesh = try SmallMesh(encoding: .denseFloat32) {
            $0.weights = .tokens
            $0.nodeWeightMaximumQ30 = Rules.oneQ30 / 2
            $0.outerLearningRateQ16 = 1 << 16
        }
        let chain = Chain(genesis: mesh.genesis)
        // 5, 1, 1, 1 of 8 parts; the first is cut to 4.
        let tokens: [UInt64] = [5000, 1000, 1000, 1000]
        var payloads = MemoryPayloads()
        var records: [Signed<Ledger.Contribution>] = []
        var updates: [[Float]] = []
        let count = mesh.layout.parameterCount
        for author in 0..<4 {
            // One length for all, each on parameters of its own: nothing is clipped, nobody copies.
            var delta = [Float](repeating: 0, count: count)
            for index in stride(from: author, to: count - count % 4, by: 4) { delta[index] = 0x1p-10 }
            var residual = [Float](repeating: 0, count: count)
            let (payload, submission) = try Submission.encode(
                delta: delta, residual: &residual, layout: mesh.layout, rules: mesh.genesis.rules)
            let site = mesh.sites[author]
            let record = submission.record(
                network: mesh.genesis.network, author: site.member.id, base: chain.bases[0],
                report: TrainingReport(
                    steps: 1, tokens: tokens[author], lossCentinats: 1, dataSets: [], trainer: .zero))
            payloads.insert(payload, for: record.contributionDigest)
            records.append(Signed(record, signer: site.member.id, key: site.nodeKey, network: mesh.genesis.network))
            updates.append(delta)
        }
        var average: [Float] = []
        let certified = try mesh.certified(on: chain, listing: records) { manifest in
            average = try ManifestAverage.average(
                manifest, payloads: payloads, parent: [Float](repeating: 0, count: count), layout: mesh.layout,
                rules: mesh.genesis.rules, members: 4
            ).parameters
            return mesh.genesis.roots
        }
        // Four times an equal share of four is all: the cap of one half is two, one part of eight is a half.
        let one = UInt64(Rules.oneQ30)
        let first = mesh.sites[0].member.id
        for entry in certified.version.manifest {
            #expect(entry.weightQ30 == (entry.slot.author == first ? 2 * one : one / 2))
        }
        let shares: [Float] = [0.5, 0.125, 0.125, 0.125]
        var expected = [Float](repeating: 0, count: count)
        for (share, update) in zip(shares, updates) {
            for index in expected.indices { expected[index] += share * update[index] }
        }
        #expect(average == expected)
    }
}
