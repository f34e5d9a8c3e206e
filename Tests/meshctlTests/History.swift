import Crypto
import Foundation
import Ledger
import Rounds
import Tensor

@testable import meshctl

/// A chain on top of a genesis that the command line founded, signed with the key files that it made.
struct History {
    let genesis: Genesis
    private let layout: ParameterLayout
    private var keys: [(member: Member, nodeKey: SigningKey)]
    private(set) var versions: [CertifiedVersion] = []
    private(set) var payloads = MemoryPayloads()
    private(set) var parameters: [Float]
    /// The shared optimizer's state; empty without one.
    private var outer: [Float]
    private(set) var chain: Chain

    init(_ genesis: Genesis, _ place: Workplace) throws {
        self.genesis = genesis
        layout = try ParameterLayout(genesis)
        keys = try genesis.members.members.map { member in
            (member, try KeyFile.load(.nodeKey, from: place.path("\(member.name)/node.key")).signingKey())
        }
        let model = try FoundingModel(
            place.path("model"), layout: layout, roots: genesis.roots,
            shape: StateShape(layout, genesis.rules.innerOptimizer))
        parameters = try model.parameters.readAll()
        outer = try model.outer?.readAll() ?? []
        chain = Chain(genesis: genesis)
    }

    /// Adds a version in which a site gets new keys, which are in its directory from then on.
    ///
    /// - Parameter operatorKey: whether it gets a new operator key too; the old one is `operator.key.old` from then on.
    mutating func rotate(_ name: String, _ place: Workplace, operatorKey isOperator: Bool = false) throws {
        guard let index = keys.firstIndex(where: { $0.member.name == name }) else { return }
        // Before the new one is there: the action is signed with the old ones.
        let operatorKeys = try keys.map {
            try KeyFile.load(.operatorKey, from: place.path("\($0.member.name)/operator.key")).signingKey()
        }
        var random = SeededRandom.system()
        var secrets: [KeyKind: SecretBytes] = [:]
        for (kind, file) in [(KeyKind.nodeKey, "node.key"), (.linkKey, "link.key"), (.operatorKey, "operator.key")]
        where kind != .operatorKey || isOperator {
            let (secret, path) = (SecretBytes.random(count: 32), place.path("\(name)/\(file)"))
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
            try KeyFile(kind: kind, secret: secret, path: path, random: &random).store()
            secrets[kind] = secret
        }
        guard let node = secrets[.nodeKey], let link = secrets[.linkKey] else { return }
        let (old, newKey) = (keys[index].member, SigningKey(seed: node))
        let member = Member(
            id: old.id, name: old.name,
            operatorKey: secrets[.operatorKey].map { SigningKey(seed: $0).verifyingKey } ?? old.operatorKey,
            nodeKey: newKey.verifyingKey, linkKey: LinkKey(secret: link).publicKey, keyEpoch: old.keyEpoch + 1)
        let action = GovernanceAction(
            change: .rotate(member), sequence: chain.governance.nextSequence(about: .member(old.id)),
            first: chain.nextHeight, last: chain.nextHeight)
        let operators = zip(keys, operatorKeys).map { key, operatorKey in
            OperatorSignature(
                signer: key.member.id, keyEpoch: key.member.keyEpoch,
                signature: action.signature(by: operatorKey, network: genesis.network))
        }
        var after = keys
        after[index] = (member, newKey)
        let members = try MemberSet(members: after.map(\.member))
        let readiness = Readiness(action: action.digest, members: members.digest)
        try advance(
            carrying: CompleteAction(
                signed: SignedGovernanceAction(
                    action: action, operators: operators,
                    possession: action.signature(by: newKey, network: genesis.network)),
                readiness: quorum(over: readiness, after)))
        keys = after
    }

    /// Adds a version that lists everybody's contribution.
    ///
    /// - Parameter roots: what its record claims; nil for what is right.
    mutating func advance(claiming roots: StateRoots? = nil, carrying action: CompleteAction? = nil) throws {
        let base = chain.bases[chain.bases.count - 1]
        var contributions: [Signed<Ledger.Contribution>] = []
        for (index, key) in keys.enumerated() {
            var random = SeededRandom(simulationSeed: base.height.value * 10 + UInt64(index))
            let delta = parameters.map { _ in Float.random(in: -0.01...0.01, using: &random) }
            var residual = delta.map { _ in Float(0) }
            let (payload, submission) = try Submission.encode(
                delta: delta, residual: &residual, layout: layout, rules: chain.rules)
            let record = submission.record(
                network: genesis.network, author: key.member.id, base: base,
                report: TrainingReport(steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero))
            payloads.insert(payload, for: record.contributionDigest)
            contributions.append(
                Signed(record, signer: key.member.id, key: key.nodeKey, network: genesis.network))
        }
        let slots = contributions.map(\.body.slot)
        let availability = contributions.map { contribution in
            AvailabilityCertificate(
                vote: AvailabilityVote(contribution.body), signatures: quorum(over: AvailabilityVote(contribution.body))
            )
        }
        let ready = keys[..<genesis.members.quorum].map { key in
            Signed(
                Ready(
                    height: chain.nextHeight, parent: chain.headDigest, slots: slots,
                    actions: [action?.action.digest].compactMap { $0 }), signer: key.member.id,
                key: key.nodeKey, network: genesis.network)
        }.sorted { $0.objectDigest < $1.objectDigest }
        let certificates = Dictionary(uniqueKeysWithValues: zip(slots, availability))
        guard
            let manifest = chain.manifest(
                listing: slots, availability: certificates,
                contributions: Dictionary(
                    uniqueKeysWithValues: contributions.map { ($0.body.contributionDigest, $0.body) }))
        else { return }
        let average = try ManifestAverage.average(
            manifest, payloads: payloads, parent: parameters, outer: outer, layout: layout, rules: chain.rules,
            members: chain.members.count)
        let closed = Closed(
            height: chain.nextHeight, parent: chain.headDigest, commitments: contributions.map { Commitment($0.body) })
        let closing = Closing(
            statements: keys[..<genesis.members.commitmentThreshold].map { key in
                Signed(closed, signer: key.member.id, key: key.nodeKey, network: genesis.network)
            })
        let closings = contributions.isEmpty ? [] : [closing]
        let support = Support(
            ready: ready.map(\.objectDigest), closings: closings.map(\.names.digest), action: action?.objectDigest)
        let outcome = try action.map { try chain.outcome(of: $0.action) }
        let version = Version(
            network: genesis.network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest,
            action: action?.action.digest, rules: chain.rules.digest,
            members: (outcome?.members ?? chain.members).digest, support: support.digest,
            roots: roots ?? average.roots)
        let vote = Vote(kind: .finalize, height: version.height, view: .first, version: version.versionDigest)
        versions.append(
            CertifiedVersion(
                embedded: EmbeddedPayload(
                    payload: Payload(version: version, support: support), ready: ready, closings: closings,
                    availability: availability, action: action),
                certificate: VoteCertificate(network: genesis.network, vote: vote, signatures: quorum(over: vote)),
                contributions: contributions))
        (parameters, outer) = (average.parameters, average.outer)
        chain = try chain.advanced(by: versions[versions.count - 1].embedded)
    }

    private func quorum(over statement: some Statement) -> QuorumSignatures { quorum(over: statement, keys) }

    private func quorum(
        over statement: some Statement, _ keys: [(member: Member, nodeKey: SigningKey)]
    ) -> QuorumSignatures {
        var signatures: [Int: Signature] = [:]
        for index in 0..<genesis.members.quorum {
            signatures[index] = statement.signature(by: keys[index].nodeKey, network: genesis.network)
        }
        return QuorumSignatures(signatures, memberCount: keys.count)
    }

    /// The exported ledger.
    func ledger(withPayloads: Bool = true) throws -> [UInt8] {
        let sink = MemoryPayloadSink()
        let writer = try LedgerFileWriter(sink, genesis: genesis)
        for version in versions { try writer.append(version, payloads: withPayloads ? payloads : MemoryPayloads()) }
        try writer.finish()
        return sink.bytes
    }
}
