import Crypto
import Gossip
import Ledger

@testable import Simulator

/// Four members whose keys are all at hand, and an observer of them: what nodes never do is fabricated here.
struct Fabrication {
    let founding: Founding
    let checkers: Checkers

    init(byzantine: Set<Int> = [], minContributions: UInt32 = 1) {
        var random = SeededRandom(simulationSeed: 1)
        founding = Founding(members: 4, random: &random) { $0.minContributions = minContributions }
        checkers = Checkers(genesis: founding.genesis, isHonest: (0..<4).map { !byzantine.contains($0) })
        checkers.holders = { _, _ in 4 }
        checkers.holds = { _, _ in true }
        for text in ["a", "b"] { propose(version(text)) }
    }

    /// A leader proposed this version in view 1, afresh.
    func propose(_ version: VersionDigest, height: Height = Height(1)) {
        checkers.note(Proposal(height: height, view: .first, version: version, reproposed: .none))
    }

    var network: NetworkID { founding.genesis.network }
    var genesis: Version { founding.genesis.version }
    var fired: [Violation.Checker] { checkers.violations.map(\.checker) }

    func id(_ member: Int) -> MemberID { founding.identities[member].member }

    func signed<Body: Statement>(_ body: Body, by member: Int) -> Signed<Body> {
        Signed(body, signer: id(member), key: founding.identities[member].nodeKey, network: network)
    }

    func version(_ text: String) -> VersionDigest {
        VersionDigest(Digest(DigestDomain("mesh/sim-test"), Array(text.utf8)))
    }

    func vote(_ kind: VoteKind, _ view: UInt32 = 1, _ text: String = "a") -> Vote {
        kind == .nullify
            ? .nullify(height: Height(1), view: View(view))
            : Vote(kind: kind, height: Height(1), view: View(view), version: version(text))
    }

    func certificate(_ vote: Vote, by signers: [Int], signing other: Vote? = nil) -> VoteCertificate {
        VoteCertificate(network: network, vote: vote, signatures: quorum(other ?? vote, by: signers))
    }

    func quorum(_ body: some Statement, by signers: [Int]) -> QuorumSignatures {
        var signatures: [Int: Signature] = [:]
        for signer in signers { signatures[signer] = signed(body, by: signer).signature }
        return QuorumSignatures(signatures, memberCount: 4)
    }

    /// Members say that they saw this contribution before the round of height 1 was closed.
    func closed(_ contribution: Contribution, by members: [Int]) -> [JournalEntry] {
        let body = Closed(
            height: Height(1), parent: genesis.versionDigest, commitments: [Commitment(contribution)])
        return members.map { .closed(signed(body, by: $0)) }
    }

    func contribution(by author: Int, on base: VersionDigest? = nil, norm: UInt64 = 1) -> Contribution {
        Contribution(
            network: network, author: id(author), base: base ?? genesis.versionDigest, baseHeight: .genesis,
            encoding: .denseFloat32, payloadBytes: 1, pieceBytes: Limits.pieceBytesMinimum, pieceRoot: .zero,
            norm: norm,
            steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero)
    }

    /// A version that all but member 3 finalized.
    func certified(
        height: UInt64 = 1, parent: Version? = nil, listing contributions: [Contribution] = [],
        roots: StateRoots? = nil, signers: [Int] = [0, 1, 2]
    ) -> CertifiedVersion {
        let parent = parent ?? genesis
        let manifest = contributions.map { contribution in
            ManifestEntry(
                slot: contribution.slot, baseHeight: .genesis, contribution: contribution.contributionDigest,
                availability: .zero, weightQ30: 1)
        }
        let support = Support(ready: [])
        let version = Version(
            network: network, height: Height(height), parent: parent.versionDigest, manifest: manifest, action: nil,
            rules: parent.rules, members: parent.members, support: support.digest, roots: roots ?? parent.roots)
        let vote = Vote(kind: .finalize, height: Height(height), view: .first, version: version.versionDigest)
        return CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Ledger.Payload(version: version, support: support), ready: [], availability: []),
            certificate: certificate(vote, by: signers), contributions: [])
    }

    /// Syncs the finalize votes and what they rest on, so that a certificate shows nothing unsynced.
    func syncFinalizations(of certified: CertifiedVersion, by signers: [Int] = [0, 1, 2]) {
        let vote = certified.certificate.vote
        propose(vote.version, height: vote.height)
        let notarize = Vote(kind: .notarize, height: vote.height, view: vote.view, version: vote.version)
        for signer in signers {
            checkers.synced([.vote(signed(notarize, by: signer))], by: signer)
        }
        for signer in signers {
            checkers.synced(
                [.certificate(certificate(notarize, by: signers)), .vote(signed(vote, by: signer))], by: signer)
        }
    }

    func adopt(_ certified: CertifiedVersion, by member: Int = 0) {
        syncFinalizations(of: certified)
        checkers.synced([.adopt(certified)], by: member)
    }
}
