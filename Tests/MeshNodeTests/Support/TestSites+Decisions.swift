import Crypto
import Ledger

@testable import Gossip
@testable import MeshNode

extension TestSites {
    /// Trains up to a height, then lets what was handed over be decided, so that all stand at one head and none has made
    /// anything on it.
    func settle(at height: UInt64) throws {
        try train(for: "version \(height)") { names.indices.allSatisfy { self.height($0) >= height } }
        try wait(for: "one head") {
            Set(daemons.values.map(\.keeper.node.chain.headDigest)).count == 1
                && daemons.values.allSatisfy {
                    !$0.desk.isWorking && !$0.desk.isTaken($0.keeper.node.chain.headDigest)
                }
        }
    }

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
