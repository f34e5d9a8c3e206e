import Crypto
import Ledger

@testable import Gossip

/// A message of each kind, as large as a mesh of `memberCount` members makes it.
struct MessageSamples {
    let memberCount: Int

    private let site = LinkFixtures.sites[0]

    init(memberCount: Int = 5) { self.memberCount = memberCount }

    func digest(_ number: Int) -> Digest { Digest(DigestDomain("test/sample"), Array("\(number)".utf8)) }

    private func signed<Body: Statement>(_ body: Body) -> Signed<Body> {
        Signed(body, signer: site.member.id, key: site.nodeKey, network: LinkFixtures.network)
    }

    private func slot(_ number: Int) -> Slot {
        Slot(author: MemberID(digest(number)), base: VersionDigest(digest(1000 + number)))
    }

    private func quorum(over statement: some Statement) -> QuorumSignatures {
        let signature = statement.signature(by: site.nodeKey, network: LinkFixtures.network)
        return QuorumSignatures(
            Dictionary(uniqueKeysWithValues: (0..<memberCount).map { ($0, signature) }), memberCount: memberCount)
    }

    var contribution: Contribution {
        Contribution(
            network: LinkFixtures.network, author: site.member.id, base: VersionDigest(digest(1)),
            baseHeight: Height(6), encoding: .topK(kept: 64, bits: 2), payloadBytes: 70_000, pieceBytes: 1024,
            pieceRoot: digest(2),
            norm: 12, steps: 100, tokens: 1 << 20, lossMicronats: 2_500_000,
            dataSets: [digest(3), digest(4)].sorted(), trainer: digest(5))
    }

    var stored: AvailabilityCertificate {
        let stored = Stored(contribution)
        return AvailabilityCertificate(stored: stored, signatures: quorum(over: stored))
    }

    var payload: Payload {
        let support = Support(ready: (0..<memberCount).map { digest(100 + $0) })
        let manifest = (0..<memberCount).map { index in
            ManifestEntry(
                slot: slot(index), baseHeight: Height(6), contribution: ContributionDigest(digest(200 + index)),
                availability: digest(300 + index), weightQ30: 1 << 30)
        }
        let version = Version(
            network: LinkFixtures.network, height: Height(7), parent: VersionDigest(digest(1)),
            manifest: manifest.sorted { $0.slot.author < $1.slot.author }, action: digest(6), rules: digest(7),
            members: digest(8), support: support.digest, roots: StateRoots(parameters: digest(9)))
        return Payload(version: version, support: support)
    }

    func votes(_ kind: VoteKind) -> VoteCertificate {
        let version = kind == .nullify ? VersionDigest(.zero) : payload.version.versionDigest
        let vote = Vote(kind: kind, height: Height(7), view: View(3), version: version)
        return VoteCertificate(network: LinkFixtures.network, vote: vote, signatures: quorum(over: vote))
    }

    func summary(views: Int, candidates: Int) -> Summary {
        let signers = Bitmap((0..<memberCount).map { $0 % 3 == 0 })
        return Summary(
            height: Height(6), head: VersionDigest(digest(1)), view: View(3), ready: signers,
            views: (0..<views).map { viewPart($0, signers) },
            candidates: (0..<candidates).map { index in
                Summary.CandidatePart(
                    contribution: ContributionDigest(digest(index)), acks: signers, isAvailable: index % 2 == 0,
                    isComplete: index % 3 == 0)
            })
    }

    private func viewPart(_ index: Int, _ signers: Bitmap) -> Summary.ViewPart {
        let votes = (0..<4).map { Summary.VotePart(version: VersionDigest(digest($0)), signers: signers) }
        return Summary.ViewPart(
            view: View(UInt32(index) + 1), proposals: [VersionDigest(digest(1)), VersionDigest(digest(2))],
            notarize: votes, finalize: votes, nullify: signers, isNotarized: index % 2 == 0,
            isNullified: index % 3 == 0)
    }

    var fetchItems: [FetchItem] {
        [
            .payload(VersionDigest(digest(1))), .ready(digest(2)), .availability(digest(3)),
            .contribution(ContributionDigest(digest(4))), .notarization(View(1)),
            .nullification(View(Limits.viewMaximum)), .version(Height(Limits.heightMaximum)),
        ]
    }

    var ready: Ready {
        Ready(
            height: Height(7), parent: VersionDigest(digest(1)), slots: (0..<memberCount).map { slot($0) },
            actions: [digest(6)], vetoes: [slot(0)], approvals: [slot(1)])
    }

    private func readyThatNames(_ slotCount: Int) -> Signed<Ready> {
        signed(
            Ready(
                height: Height(Limits.heightMaximum), parent: VersionDigest(digest(1)),
                slots: (0..<slotCount).map { slot($0) }))
    }

    /// Every kind of message, some twice.
    var all: [Message] {
        let name = contribution.contributionDigest
        return [
            .summary(summary(views: 2, candidates: 3)), .contribution(signed(contribution)),
            .have(name, pieces: Bitmap((0..<69).map { $0 % 2 == 0 })), .want(name, pieces: [0, 68, 7]),
            .acks(stored), .ready(signed(ready)),
            .proposal(
                signed(
                    Proposal(
                        height: Height(7), view: View(3), version: payload.version.versionDigest, reproposed: View(1)))),
            .payload(payload), .votes(votes(.notarize)), .votes(votes(.nullify)),
            .certified(payload, votes(.finalize)), .fetch(fetchItems),
            .address(
                signed(
                    AddressRecord(member: site.member.id, addresses: ["de.example:7411", "[::1]:7411"], sequence: 3))),
        ]
    }

    /// The largest that each kind becomes in a mesh of this size.
    var largest: [Message] {
        let name = contribution.contributionDigest
        return all + [
            .summary(summary(views: Summary.viewsMaximum, candidates: Summary.candidatesMaximum)),
            .have(name, pieces: Bitmap(full: Wire.piecesMaximum)),
            .want(name, pieces: (0..<Wire.wantedPiecesMaximum).map { Wire.piecesMaximum - 1 - $0 }),
            .fetch((0..<Wire.fetchItemsMaximum).map { .ready(digest($0)) }),
            .ready(readyThatNames(Wire.readySlotsMaximum)),
        ]
    }
}
