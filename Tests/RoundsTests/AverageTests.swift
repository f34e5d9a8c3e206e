import Ledger
import Rounds
import Tensor
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

    @Test(arguments: [Encoding.topK(kept: 64, bits: 2), .dense])
    func anyNumberOfWorkersGivesTheSameFile(encoding: Encoding) throws {
        let mesh = try SmallMesh(encoding: encoding, rows: 600)
        let (manifest, payloads) = try manifest(mesh)
        let expected = try ManifestAverage.average(
            manifest, payloads: payloads, parent: mesh.versionZero, layout: mesh.layout, rules: mesh.genesis.rules)
        #expect(expected.roots.parameters != mesh.genesis.roots.parameters)
        let folder = try TemporaryFolder()
        for workers in [1, 2, 5] {
            let path = folder.file("average-\(workers)")
            let roots = try ManifestAverage.average(
                manifest, payloads: payloads, parent: ParameterArray(mesh.versionZero), layout: mesh.layout,
                rules: mesh.genesis.rules, outputPath: path, workers: workers)
            #expect(roots == expected.roots)
            let file = try ParameterFile(
                path: path, parameterCount: mesh.layout.parameterCount, expectedRoot: roots.parameters)
            #expect(try file.readAll() == expected.parameters)
        }
    }

    @Test func emptyManifestKeepsTheParameters() throws {
        let mesh = try SmallMesh()
        let average = try ManifestAverage.average(
            [], payloads: MemoryPayloads(), parent: mesh.versionZero, layout: mesh.layout, rules: mesh.genesis.rules)
        #expect(average.parameters == mesh.versionZero)
        #expect(average.roots == mesh.genesis.roots)
    }

    @Test func rulesAndWeightsMatter() throws {
        let mesh = try SmallMesh()
        let (manifest, payloads) = try manifest(mesh)
        func root(_ manifest: [ManifestEntry], _ rules: Rules) throws -> StateRoots {
            try ManifestAverage.average(
                manifest, payloads: payloads, parent: mesh.versionZero, layout: mesh.layout, rules: rules
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
                rules: mesh.genesis.rules)
        }
        let folder = try TemporaryFolder()
        #expect(throws: ManifestFault.self) {
            try ManifestAverage.average(
                manifest, payloads: payloads, parent: ParameterArray(mesh.versionZero), layout: mesh.layout,
                rules: mesh.genesis.rules, outputPath: folder.file("no/such/folder"), workers: 1)
        }
    }
}
