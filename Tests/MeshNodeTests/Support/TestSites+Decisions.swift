import Crypto
import Ledger
import Testing

@testable import Gossip
@testable import MeshNode

extension TestSites {
    /// Trains up to a height, then lets what was handed over be decided, so that all stand at one head and none has
    /// made anything on it.
    func settle(at height: UInt64) throws {
        try train(for: "version \(height)") { names.indices.allSatisfy { self.height($0) >= height } }
        try wait(for: "one head") {
            Set(daemons.values.map(\.driver.node.chain.headDigest)).count == 1
                && daemons.values.allSatisfy {
                    !$0.intake.isWorking && !$0.intake.isTaken($0.driver.node.chain.headDigest)
                }
        }
    }

    /// Closes a round of which `sites`, which are stopped, have said the same: `other` says it too, and the first of
    /// them has heard all.
    func closeRound(by sites: [Int], joining other: Int) throws {
        let databases = try sites.map { try database(of: $0) }
        defer { for database in databases { database.close() } }
        var statements = try databases.compactMap { database in
            try database.journal().compactMap { if case .closed(let closed) = $0 { closed } else { nil } }
                .max { $0.body.height < $1.body.height }
        }
        let body = try #require(statements.first).body
        let member = try #require(genesis.members.members.first { $0.name == names[other] })
        let key = try KeyFile.load(.nodeKey, from: folder + "/\(member.name)/node.key").signingKey()
        statements.append(Signed(body, signer: member.id, key: key, network: genesis.network))
        #expect(Set(statements.map(\.body)).count == 1)
        try databases[0].commit(JournalBatch(entries: statements.dropFirst().map { .closed($0) }))
    }

    /// The operator of a site that runs approves a contribution.
    func approve(_ contribution: Contribution, at site: Daemon) throws {
        let member = site.driver.node.identity.member
        let statement = ReviewStatement(
            verdict: .approve, slot: contribution.slot, contribution: contribution.contributionDigest)
        let key = try #require(operatorKeys[member])
        site.driver.feed(
            .review(
                SignedReview(
                    statement: statement,
                    signature: OperatorSignature(
                        signer: member, keyEpoch: 0, signature: statement.signature(by: key, network: genesis.network)))
            ))
    }

    private func database(of index: Int) throws -> LedgerDatabase {
        try LedgerDatabase(
            path: state(index) + "/ledger.sqlite", markPath: state(index) + "/ledger.mark", network: genesis.network)
    }

    /// Gives all sites, none of which runs, a next version that carries an action which every operator signed: as if
    /// they had decided it.
    ///
    /// - Returns: its height.
    func decide(_ change: Change) throws -> Height {
        let databases = try names.indices.map { try database(of: $0) }
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
