import Crypto
import Foundation
import Ledger
import Rounds
import Tensor
import Testing

@testable import Gossip
@testable import MeshNode

/// Daemons whose chain holds a certified revert replay in the background, switch together, and leave a ledger that an
/// auditor recomputes.
@Suite(.serialized)
struct RevertTests {
    private let sites: TestSites

    init() throws { sites = try TestSites(["de", "es", "fr", "pl"]) }

    private func certified(_ height: UInt64, at index: Int = 0) throws -> CertifiedVersion {
        try #require(try sites.daemons[index]?.keeper.database.version(at: Height(height)))
    }

    /// Trains up to a height, then lets what was handed over be decided, so that all stand at one head.
    private func settle(at height: UInt64) throws {
        try sites.train(for: "version \(height)") { (0..<4).allSatisfy { sites.height($0) >= height } }
        try sites.wait(for: "one head") {
            let heads = Set((0..<4).compactMap { sites.daemons[$0]?.keeper.node.chain.headDigest })
            return heads.count == 1
                && sites.daemons.values.allSatisfy { !$0.desk.isTaken($0.keeper.node.chain.headDigest) }
        }
    }

    private var areDone: Bool {
        sites.daemons.values.allSatisfy {
            $0.keeper.node.chain.governance.reverts.count == 1
                && $0.keeper.node.chain.governance.pendingReverts.isEmpty
        }
    }

    private func revertSomething() throws -> (poison: ContributionDigest, decided: Height) {
        for index in 0..<4 { try sites.start(index) }
        try settle(at: 3)
        let poison = try certified(2).version.manifest[1].contribution
        for index in 0..<4 { sites.stop(index) }
        let decided = try sites.decide(.revert(.contribution(poison), from: Height(2)))
        for index in 0..<4 { try sites.start(index) }
        return (poison, decided)
    }

    @Test func allSitesSwitchToTheReplayAndAnAuditorFindsTheSame() throws {
        defer { sites.end() }
        let (poison, decided) = try revertSomething()
        try sites.train(for: "the switch") { areDone }
        let switched = try #require(sites.daemons[0]?.keeper.node.chain.governance.reverts[0].switched)
        #expect(switched > decided)
        try sites.train(for: "versions on the new state") {
            (0..<4).allSatisfy { sites.height($0) >= switched.value + 2 }
        }
        for index in 1..<4 {
            #expect(try certified(switched.value, at: index).version == certified(switched.value).version)
        }
        // Nothing of the replay is left but the head's parameters.
        try sites.wait(for: "an empty folder") {
            sites.daemons.keys.allSatisfy {
                ((try? DiskFile.names(in: sites.state($0) + "/replay")) ?? ["?"]).isEmpty
            }
        }
        let listing = try certified(2)
        #expect(listing.version.manifest.contains { $0.contribution == poison })
        try audit()
    }

    @Test func aReplayGoesOnWhereACrashLeftIt() throws {
        defer { sites.end() }
        _ = try revertSomething()
        try sites.wait(for: "the first step") { sites.daemons[0]?.keeper.course?.mark != nil || areDone }
        for index in 0..<4 { sites.stop(index) }
        for index in 0..<4 { try sites.start(index) }
        try sites.train(for: "the switch") { areDone }
        try audit()
    }

    /// From version 0, with the daemon's own ledger and blobs.
    private func audit() throws {
        let keeper = try #require(sites.daemons[0]?.keeper)
        let folder = try TestFolder()
        let start = try ParameterFile.write(
            try SafetensorsFile(path: sites.folder + "/model.safetensors").parameters(sites.layout),
            to: folder.path + "/0")
        var replay = try Replay(
            genesis: sites.genesis,
            parameters: ParameterFile(
                path: folder.path + "/0", parameterCount: sites.layout.parameterCount, expectedRoot: start.root))
        var history = DaemonHistory(keeper: keeper, parameters: [.genesis: replay.parameters])
        let verifier = Verifier()
        for value in 1...keeper.node.chain.height.value {
            let certified = try certified(value)
            try replay.apply(
                certified, payloads: BlobPayloads(blobs: keeper.jobs.blobs), history: history,
                outputPath: folder.path + "/\(value)", workers: 2, verifier: verifier)
            history.parameters[certified.height] = replay.parameters
        }
        #expect(replay.chain.headDigest == keeper.node.chain.headDigest)
        #expect(replay.chain.governance.pendingReverts.isEmpty)
    }
}

private struct DaemonHistory: ReplayHistory {
    let keeper: Keeper
    var parameters: [Height: ParameterFile]

    func parameters(at height: Height) -> ParameterFile? { parameters[height] }

    func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)? {
        guard let certified = try? keeper.database.version(at: height) else { return nil }
        return (certified, BlobPayloads(blobs: keeper.jobs.blobs))
    }
}

extension TestSites {
    /// Gives all sites, none of which runs, a next version that carries an action which every operator signed: as if they
    /// had decided it.
    ///
    /// - Returns: its height.
    func decide(_ change: Change) throws -> Height {
        let databases = try names.indices.map {
            try LedgerDatabase(
                path: state($0) + "/ledger.sqlite", markPath: state($0) + "/ledger.mark", network: genesis.network)
        }
        var chain = Chain(genesis: genesis)
        while let certified = try databases[0].version(at: chain.nextHeight) {
            chain = try chain.advanced(by: certified.embedded)
        }
        let members = genesis.members.members
        let action = GovernanceAction(change: change, sequence: 1, first: Height(1), last: Height(1000))
        let complete = CompleteAction(
            signed: SignedGovernanceAction(
                action: action,
                operators: members.map {
                    OperatorSignature(
                        signer: $0.id, keyEpoch: 0,
                        signature: action.signature(by: operatorKeys[$0.id]!, network: genesis.network))
                }))
        let nodeKeys = try members.map {
            try KeyFile.load(.nodeKey, from: folder + "/\($0.name)/node.key").signingKey()
        }
        let ready = (0..<3).map { index in
            Signed(
                Ready(height: chain.nextHeight, parent: chain.headDigest, slots: [], actions: [action.digest]),
                signer: members[index].id, key: nodeKeys[index], network: genesis.network)
        }.sorted { $0.objectDigest < $1.objectDigest }
        let support = Support(ready: ready.map(\.objectDigest), action: complete.objectDigest)
        let rules = try chain.outcome(of: action).rules
        let version = Version(
            network: genesis.network, height: chain.nextHeight, parent: chain.headDigest, manifest: [],
            action: action.digest, rules: rules.digest, members: chain.members.digest, support: support.digest,
            roots: chain.head.roots)
        let vote = Vote(kind: .finalize, height: version.height, view: .first, version: version.versionDigest)
        var signatures: [Int: Signature] = [:]
        for index in 0..<3 { signatures[index] = vote.signature(by: nodeKeys[index], network: genesis.network) }
        let certified = CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Payload(version: version, support: support), ready: ready, availability: [], action: complete),
            certificate: VoteCertificate(
                network: genesis.network, vote: vote, signatures: QuorumSignatures(signatures, memberCount: 4)),
            contributions: [])
        _ = try chain.audited(certified, verifier: Verifier())
        for database in databases {
            try database.commit(JournalBatch(entries: [.adopt(certified)]))
            database.close()
        }
        return version.height
    }
}
