import Crypto
import Ledger
import Rounds
import Tensor
import TestKit

/// Four sites with real keys and a small model, which contribute, certify and average for real.
struct SmallMesh {
    let sites: [SiteKeys]
    let layout: ParameterLayout
    let genesis: Genesis
    let versionZero: [Float]

    /// - Parameter rows: of the largest tensor, 500 numbers each; from 525 on the parameters take two blocks.
    init(
        encoding: Encoding = .topK(kept: 64, bits: 2), rows: Int = 20, seed: UInt64 = 1,
        rules change: (inout Rules) -> Void = { _ in }
    ) throws {
        sites = (0..<4).map { (index: UInt8) in
            SiteKeys(name: "site-\(index)") { SecretBytes([$0, index] + [UInt8](repeating: 5, count: 30)) }
        }.sorted { $0.member.id < $1.member.id }
        layout = try ParameterLayout([("embedding", [rows, 500]), ("norm", [100]), ("head", [7, 30])])
        var random = SeededRandom(simulationSeed: seed)
        versionZero = (0..<layout.parameterCount).map { _ in Float.random(in: -1...1, using: &random) }
        var rules = Rules()
        rules.encoding = encoding
        rules.pieceBytes = 1024
        change(&rules)
        genesis = Genesis(
            nonce: .zero, members: try MemberSet(members: sites.map(\.member)), rules: rules,
            tensors: TensorShape.list(of: layout), attachments: [],
            roots: StateRoots(
                founding: try ParameterFile.tree(of: ParameterArray(versionZero)).root,
                parameterCount: UInt64(layout.parameterCount), rules.innerOptimizer))
    }

    /// Version 0 of the shared optimizer's state; empty without one.
    var outerZero: [Float] {
        [Float](repeating: 0, count: StateShape(layout, genesis.rules.innerOptimizer).outerCount)
    }

    /// Version 0 as a file.
    func fileZero(_ path: String) throws -> ParameterFile {
        let shape = StateShape(layout, genesis.rules.innerOptimizer)
        let tree = try ParameterFile.write(
            ParameterArray(versionZero), outer: shape.outerCount > 0 ? ParameterArray(outerZero) : nil, to: path)
        return try ParameterFile(path: path, shape: shape, expectedName: tree.name)
    }

    /// A contribution of one site with its payload. Repeatable: seeded by author and base.
    func contribution(
        by author: Int, on base: Chain.Base, tokens: UInt64 = 1000, dataSets: [Digest] = []
    ) throws -> (
        record: Signed<Ledger.Contribution>, payload: [UInt8]
    ) {
        var random = SeededRandom(simulationSeed: base.height.value * 100 + UInt64(author))
        let delta = (0..<layout.parameterCount).map { _ in Float.random(in: -0.01...0.01, using: &random) }
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let (payload, submission) = try Submission.encode(
            delta: delta, residual: &residual, layout: layout, rules: base.rules)
        let site = sites[author]
        let record = submission.record(
            network: genesis.network, author: site.member.id, base: base,
            report: TrainingReport(
                steps: 10, tokens: tokens, lossCentinats: 200, dataSets: dataSets, trainer: .zero))
        return (Signed(record, signer: site.member.id, key: site.nodeKey, network: genesis.network), payload)
    }

    private func quorum(over statement: some Statement) -> QuorumSignatures {
        var signatures: [Int: Signature] = [:]
        for index in 0..<3 {
            signatures[index] = statement.signature(by: sites[index].nodeKey, network: genesis.network)
        }
        return QuorumSignatures(signatures, memberCount: 4)
    }

    /// What commits these contributions: a closing a base.
    private func closings(_ contributions: [Signed<Ledger.Contribution>], on chain: Chain) -> [Closing] {
        chain.bases.compactMap { base -> Closing? in
            let named = contributions.filter { $0.body.base == base.digest }.map { Commitment($0.body) }
            guard !named.isEmpty else { return nil }
            let closed = Closed(height: base.height.next, parent: base.digest, commitments: named)
            return Closing(
                statements: sites[..<3].map {
                    Signed(closed, signer: $0.member.id, key: $0.nodeKey, network: genesis.network)
                })
        }.sorted { $0.names.digest < $1.names.digest }
    }

    /// The next version on top of `chain`, certified. `roots` are those that its record names.
    ///
    /// - Parameters:
    ///   - complete: the action that it carries.
    ///   - replayed: what its ready records flag; with a revert pending, that makes it the switch.
    func certified(
        on chain: Chain, listing contributions: [Signed<Ledger.Contribution>], carrying complete: CompleteAction? = nil,
        flagging replayed: StateRoots? = nil, roots: ([ManifestEntry]) throws -> StateRoots
    ) throws -> CertifiedVersion {
        let ordered = contributions.sorted { $0.body.slot < $1.body.slot }
        let slots = ordered.map(\.body.slot)
        let ready = sites[..<3].map { site in
            Signed(
                Ready(
                    height: chain.nextHeight, parent: chain.headDigest, slots: slots,
                    actions: [complete].compactMap { $0?.action.digest }, replayed: replayed),
                signer: site.member.id, key: site.nodeKey, network: genesis.network)
        }.sorted { $0.objectDigest < $1.objectDigest }
        let availability = ordered.map { contribution in
            let vote = AvailabilityVote(contribution.body)
            return AvailabilityCertificate(vote: vote, signatures: quorum(over: vote))
        }
        let manifest = chain.manifest(
            listing: slots, availability: Dictionary(uniqueKeysWithValues: zip(slots, availability)),
            contributions: Dictionary(uniqueKeysWithValues: ordered.map { ($0.body.contributionDigest, $0.body) }))!
        let closings = closings(ordered, on: chain)
        let support = Support(
            ready: ready.map(\.objectDigest), closings: closings.map(\.names.digest), action: complete?.objectDigest)
        let outcome = try complete.map { try chain.outcome(of: $0.action) }
        let switching = replayed.map { chain.switchAction(to: $0).digest }
        let version = Version(
            network: genesis.network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest,
            action: switching ?? complete?.action.digest, rules: (outcome?.rules ?? chain.rules).digest,
            members: (outcome?.members ?? chain.members).digest, support: support.digest, roots: try roots(manifest))
        let vote = Vote(kind: .finalize, height: version.height, view: .first, version: version.versionDigest)
        return CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Payload(version: version, support: support), ready: ready, closings: closings,
                availability: availability,
                action: complete),
            certificate: VoteCertificate(network: genesis.network, vote: vote, signatures: quorum(over: vote)),
            contributions: ordered)
    }

    /// A chain of `count` versions, each listing all sites but one, and the parameters of its head.
    func history(_ count: Int) throws -> (versions: [CertifiedVersion], payloads: MemoryPayloads, parameters: [Float]) {
        var chain = Chain(genesis: genesis)
        var (parameters, outer) = (versionZero, outerZero)
        var payloads = MemoryPayloads()
        var versions: [CertifiedVersion] = []
        for height in 1...count {
            var records: [Signed<Ledger.Contribution>] = []
            for author in 0..<4 where author != height % 4 {
                let (record, payload) = try contribution(by: author, on: chain.bases[chain.bases.count - 1])
                payloads.insert(payload, for: record.body.contributionDigest)
                records.append(record)
            }
            var next = (parameters, outer)
            let certified = try certified(on: chain, listing: records) { manifest in
                let average = try ManifestAverage.average(
                    manifest, payloads: payloads, parent: parameters, outer: outer, layout: layout,
                    rules: genesis.rules, members: 4)
                next = (average.parameters, average.outer)
                return average.roots
            }
            (parameters, outer) = next
            chain = try chain.advanced(by: certified.embedded)
            versions.append(certified)
        }
        return (versions, payloads, parameters)
    }
}
