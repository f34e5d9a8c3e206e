import Control
import Crypto
import Gossip
import Ledger
import TestKit
import Testing

@testable import MeshNode

struct EvidenceStoreTests {
    private static let network = NetworkID(Digest(DigestDomain("test"), [7]))

    private func open(_ folder: TemporaryFolder) throws -> LedgerDatabase {
        try LedgerDatabase(
            path: folder.path + "/ledger.sqlite", markPath: folder.path + "/ledger.mark", network: Self.network)
    }

    private static func proof(
        height: UInt64, _ version: UInt8 = 2, key: SigningKey? = nil, signer: MemberID = MemberID(.zero),
        network: NetworkID = network
    ) -> Evidence {
        let votes = [UInt8(1), version].map { number in
            let vote = Vote(
                kind: .notarize, height: Height(height), view: .first,
                version: VersionDigest(Digest(DigestDomain("test"), [number])))
            guard let key else {
                return Signed(
                    signer: signer, body: vote, signature: Signature(bytes: [UInt8](repeating: number, count: 64))!)
            }
            return Signed(vote, signer: signer, key: key, network: network)
        }
        return .votes(votes[0], votes[1])
    }

    private static func conflict(height: UInt64) -> VoteCertificate {
        let vote = Vote(
            kind: .finalize, height: Height(height), view: .first,
            version: VersionDigest(Digest(DigestDomain("test"), [5])))
        return VoteCertificate(
            network: network, vote: vote,
            signatures: QuorumSignatures([0: Signature(bytes: [UInt8](repeating: 1, count: 64))!], memberCount: 4))
    }

    @Test("Evidence and contradicting certificates outlive every pruning, in the order of coming, each once")
    func keepsEvidence() throws {
        let folder = TemporaryFolder()
        let proofs = [Self.proof(height: 9), Self.proof(height: 1), Self.proof(height: 3)]
        do {
            let database = try open(folder)
            try database.commit(
                JournalBatch(entries: [.evidence(proofs[0]), .conflictingCertificate(Self.conflict(height: 1))]))
            try database.commit(JournalBatch(entries: [.evidence(proofs[1]), .evidence(proofs[2])]))
            // Other statements of one member, kind and place are the same proof.
            try database.commit(JournalBatch(entries: [.evidence(Self.proof(height: 3, 4))]))
            try database.pruneJournal(below: Height(1_000))
            database.close()
        }
        let database = try open(folder)
        let rows = try database.evidence()
        #expect(rows.map(\.evidence) == proofs)
        #expect(rows.map(\.number) == [1, 2, 3])
        #expect(rows.allSatisfy { $0.heldAt > 1_600_000_000 })
        #expect(try database.evidence(through: 2, count: 1).map(\.number) == [2])
        #expect(try database.evidence(through: 99, count: 2).map(\.number) == [3, 2])
        #expect(try database.journal() == [.conflictingCertificate(Self.conflict(height: 1))])
        let file = try database.evidenceFile(network: Self.network)
        #expect(file.evidence == proofs && file.certificates == [Self.conflict(height: 1)])
        #expect(try EvidenceFile(encoded: file.encoded) == file)
    }

    @Test("Evidence that was changed behind SQLite's back is named", arguments: ["held", "number"])
    func namesChangedRow(column: String) throws {
        let folder = TemporaryFolder()
        let database = try open(folder)
        try database.commit(JournalBatch(entries: [.evidence(Self.proof(height: 9))]))
        try database.write { try $0.execute(sql: "UPDATE evidence SET \(column) = 7") }
        let row = column == "number" ? "number 7" : "number 1"
        #expect(throws: StoreError.damagedRow(file: database.path, table: "evidence", row: row)) {
            try database.scrub()
        }
    }

    /// Two statements of one member, of this kind. Their signatures are not checked again once they are on disk.
    private static func proof(of kind: Evidence.Kind, by signer: MemberID, in genesis: Genesis) -> Evidence {
        func twice<Body: Statement>(_ body: (UInt64) -> Body) -> (Signed<Body>, Signed<Body>) {
            func signed(_ number: UInt64) -> Signed<Body> {
                Signed(
                    signer: signer, body: body(number),
                    signature: Signature(bytes: [UInt8](repeating: UInt8(number), count: 64))!)
            }
            return (signed(1), signed(2))
        }
        let (base, height) = (genesis.version.versionDigest, Height(1))
        func digest(_ number: UInt64) -> Digest { Digest(DigestDomain("test"), [UInt8(number)]) }
        func contribution(_ number: UInt64) -> Contribution {
            Contribution(
                network: genesis.network, author: signer, base: base, baseHeight: .genesis,
                encoding: genesis.rules.encoding, payloadBytes: 1, pieceBytes: 1024, pieceRoot: digest(number), norm: 1,
                steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero)
        }
        switch kind {
        case .contributions:
            let (one, two) = twice { contribution($0) }
            return .contributions(one, two)
        case .availabilityVotes:
            let (one, two) = twice { AvailabilityVote(contribution($0)) }
            return .availabilityVote(one, two)
        case .closed:
            let (one, two) = twice {
                Closed(height: height, parent: base, commitments: [Commitment(contribution($0))])
            }
            return .closed(one, two)
        case .ready:
            let (one, two) = twice { Ready(height: height, parent: base, slots: [], actions: [digest($0)]) }
            return .ready(one, two)
        case .proposals:
            let (one, two) = twice {
                Proposal(height: height, view: .first, version: VersionDigest(digest($0)), reproposed: .none)
            }
            return .proposals(one, two)
        case .votes:
            let (one, two) = twice {
                Vote(kind: .notarize, height: height, view: .first, version: VersionDigest(digest($0)))
            }
            return .votes(one, two)
        }
    }

    @Test("Evidence of every kind is shown to operators")
    func everyKindIsShown() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let culprit = try #require(sites.genesis.members.member(named: "es")).id
        let proofs = Evidence.Kind.allCases.map { Self.proof(of: $0, by: culprit, in: sites.genesis) }
        try daemon.driver.database.commit(JournalBatch(entries: proofs.map { .evidence($0) }))
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        defer { client.stream.close() }
        client.read()
        try client.ask(1, EvidenceRequest(count: 100))
        try sites.wait(for: "an answer") { client.isAnswered(1) }
        let shown = try client.response(1, of: EvidenceRequest.self).evidence
        #expect(shown.reversed().map(\.kind.rawValue) == Evidence.Kind.allCases.map(\.rawValue))
        #expect(shown.allSatisfy { $0.site.text == "es" })
    }

    @Test("What one site holds on disk reaches the others over real links, and their disks")
    func travels() throws {
        let sites = try TestSites(["de", "es", "fr", "pl"])
        defer { sites.end() }
        let culprit = try #require(sites.genesis.members.member(named: "pl"))
        let key = try KeyFile.load(.nodeKey, from: sites.folder + "/pl/node.key").signingKey()
        let proof = Self.proof(height: 1, key: key, signer: culprit.id, network: sites.genesis.network)
        try sites.start(0)
        sites.stop(0)
        do {
            let database = try LedgerDatabase(
                path: sites.state(0) + "/ledger.sqlite", markPath: sites.state(0) + "/ledger.mark",
                network: sites.genesis.network)
            try database.commit(JournalBatch(entries: [.evidence(proof)]))
            database.close()
        }
        for index in 0..<2 { try sites.start(index) }
        try sites.wait(for: "the evidence on the other disk") {
            (try? sites.daemons[1]?.driver.database.evidence().map(\.evidence)) == [proof]
        }
        let daemon = try #require(sites.daemons[0])
        let accused = daemon.driver.node.report(now: daemon.driver.now).accused
        #expect(accused.map(\.member) == [culprit.id] && accused.map(\.proofs) == [1])
        // What an operator sees of it.
        let alarm = try #require(daemon.control.status.alarms.first)
        #expect(alarm.kind == .equivocation && alarm.message.contains("pl broke the protocol: 1 proof"))
        let row = try #require(try daemon.driver.database.evidence().first)
        let summary = daemon.control.summary(of: row)
        #expect(summary.site.text == "pl" && summary.kind == .votes && summary.height == 1 && summary.view == 1)
        #expect(summary.description == proof.words && summary.author == nil)
    }
}
