import Crypto
import Ledger
import TestKit

@testable import Gossip

/// A message of each kind, as large as a mesh of `memberCount` members makes it.
struct MessageSamples {
    let memberCount: Int

    private let site = SiteKeys(number: 0)

    init(memberCount: Int = 5) { self.memberCount = memberCount }

    /// Whether a message may say everything about every member.
    private var isFull: Bool { memberCount <= Wire.fullMembersMaximum }
    private var quorumCount: Int { isFull ? memberCount : 2 * memberCount / 3 + 1 }
    private var slotsMaximum: Int { Wire.readySlotsMaximum(memberCount: memberCount) }
    /// What f + 1 of a quorum of records can name.
    private var listedCount: Int { isFull ? memberCount : 2 * slotsMaximum + 1 }

    func digest(_ number: Int) -> Digest { Digest(DigestDomain("test/sample"), Array("\(number)".utf8)) }

    private func signed<Body: Statement>(_ body: Body) -> Signed<Body> {
        Signed(body, signer: site.member.id, key: site.nodeKey, network: NetworkID.test)
    }

    private func slot(_ number: Int) -> Slot {
        Slot(author: MemberID(digest(number)), base: VersionDigest(digest(1000 + number)))
    }

    private func quorum(over statement: some Statement) -> QuorumSignatures {
        let signature = statement.signature(by: site.nodeKey, network: NetworkID.test)
        return QuorumSignatures(
            Dictionary(uniqueKeysWithValues: (0..<memberCount).map { ($0, signature) }), memberCount: memberCount)
    }

    var contribution: Contribution {
        Contribution(
            network: NetworkID.test, author: site.member.id, base: VersionDigest(digest(1)),
            baseHeight: Height(6), encoding: .topK(kept: 64, bits: 2), payloadBytes: 70_000, pieceBytes: 1024,
            pieceRoot: digest(2),
            norm: 12, steps: 100, tokens: 1 << 20, lossCentinats: 250,
            dataSets: [digest(3), digest(4)].sorted(), trainer: digest(5))
    }

    var availability: AvailabilityCertificate {
        let vote = AvailabilityVote(contribution)
        return AvailabilityCertificate(vote: vote, signatures: quorum(over: vote))
    }

    var payload: Payload {
        let support = Support(
            ready: (0..<quorumCount).map { digest(100 + $0) }, closings: (0..<Limits.closings).map { digest(3000 + $0) }
        )
        let manifest = (0..<listedCount).map { index in
            ManifestEntry(
                slot: slot(index), baseHeight: Height(6), contribution: ContributionDigest(digest(200 + index)),
                availability: digest(300 + index), weightQ30: 1 << 30)
        }
        let version = Version(
            network: NetworkID.test, height: Height(7), parent: VersionDigest(digest(1)),
            manifest: manifest.sorted { $0.slot.author < $1.slot.author }, action: digest(6), rules: digest(7),
            members: digest(8), support: support.digest, roots: StateRoots(parameters: digest(9)))
        return Payload(version: version, support: support)
    }

    func votes(_ kind: VoteKind) -> VoteCertificate {
        let version = kind == .nullify ? VersionDigest(.zero) : payload.version.versionDigest
        let vote = Vote(kind: kind, height: Height(7), view: View(3), version: version)
        return VoteCertificate(network: NetworkID.test, vote: vote, signatures: quorum(over: vote))
    }

    func summary(views: Int, candidates: Int, actions: Int = 2) -> InventorySummary {
        let signers = Bitmap((0..<memberCount).map { $0 % 3 == 0 })
        return InventorySummary(
            height: Height(6), head: VersionDigest(digest(1)), view: View(3), ready: signers, closed: signers,
            views: (0..<views).map { viewPart($0, signers) },
            candidates: (0..<candidates).map { index in
                InventorySummary.CandidatePart(
                    contribution: ContributionDigest(digest(index)), votes: signers, isAvailable: index % 2 == 0,
                    isCommitted: index % 5 == 0, isComplete: index % 3 == 0, reviewers: signers)
            },
            actions: (0..<actions).map { index in
                InventorySummary.ActionPart(
                    action: digest(index), operators: signers, hasPossession: index % 2 == 0, readiness: signers,
                    verdicts: signers)
            })
    }

    private func viewPart(_ index: Int, _ signers: Bitmap) -> InventorySummary.ViewPart {
        let votes = (0..<4).map { InventorySummary.VotePart(version: VersionDigest(digest($0)), signers: signers) }
        return InventorySummary.ViewPart(
            view: View(UInt32(index) + 1), proposals: [VersionDigest(digest(1)), VersionDigest(digest(2))],
            notarize: votes, finalize: votes, nullify: signers, isNotarized: index % 2 == 0,
            isNullified: index % 3 == 0)
    }

    var fetchItems: [FetchItem] {
        [
            .payload(VersionDigest(digest(1))), .ready(digest(2)), .availability(digest(3)),
            .contribution(ContributionDigest(digest(4))), .notarization(View(1)),
            .nullification(View(Limits.viewMaximum)), .version(Height(Limits.heightMaximum)),
            .action(digest(5)), .proposal(digest(6)), .closed(digest(7)), .closing(digest(8)),
            .commitment(ContributionDigest(digest(9))),
        ]
    }

    /// As many commitments as one names.
    var closed: Closed {
        Closed(
            height: Height(7), parent: VersionDigest(digest(1)),
            commitments: (0..<min(memberCount, Wire.commitmentsMaximum(memberCount: memberCount))).map {
                Commitment(author: MemberID(digest($0)), contribution: ContributionDigest(digest(200 + $0)))
            })
    }

    private var closingNames: ClosingNames { ClosingNames(statements: (0..<memberCount).map { digest(100 + $0) }) }

    var ready: Ready {
        Ready(
            height: Height(7), parent: VersionDigest(digest(1)),
            slots: (0..<min(memberCount, slotsMaximum)).map { slot($0) },
            actions: [digest(6)], reviews: [review(0)], replayed: StateRoots(parameters: digest(8)))
    }

    private func review(_ index: Int) -> SignedReview {
        let statement = ReviewStatement(
            verdict: .approve, slot: slot(index), contribution: ContributionDigest(digest(7)))
        let signed = signed(contribution)
        return SignedReview(
            statement: statement,
            signature: OperatorSignature(signer: signed.signer, keyEpoch: .max, signature: signed.signature))
    }

    /// Signed by as many operators as one message brings.
    var action: SignedGovernanceAction {
        var rules = Rules()
        rules.innerSteps = 1 << 20
        let action = GovernanceAction(
            change: .rules(rules), sequence: .max, first: Height(1), last: Height(Limits.heightMaximum))
        let operators = (0..<min(memberCount, Wire.fullMembersMaximum)).map { index in
            OperatorSignature(
                signer: MemberID(digest(400 + index)), keyEpoch: .max,
                signature: action.signature(by: site.nodeKey, network: NetworkID.test))
        }
        return SignedGovernanceAction(action: action, operators: operators, possession: operators[0].signature)
    }

    var judged: JudgedProposal {
        let statement = ProposalVerdictStatement(
            verdict: .reject, action: action.action.digest, comment: Comment("no") ?? .none)
        let site = SiteKeys(number: 0)
        return JudgedProposal(
            action: action.action,
            verdict: SignedProposalVerdict(
                statement: statement,
                signature: OperatorSignature(
                    signer: site.member.id, keyEpoch: 0,
                    signature: statement.signature(by: site.nodeKey, network: NetworkID.test))))
    }

    var readiness: Readiness { Readiness(action: action.action.digest, members: digest(9)) }

    private func readyThatNames(_ slotCount: Int) -> Signed<Ready> {
        signed(
            Ready(
                height: Height(Limits.heightMaximum), parent: VersionDigest(digest(1)),
                slots: (0..<slotCount).map { slot($0) },
                actions: (0..<Limits.readyActions).map { digest($0) },
                reviews: (0..<Limits.readyReviews).map { review($0) }, replayed: StateRoots(parameters: digest(8))))
    }

    var evidence: Evidence {
        let votes = [1, 2].map { number in
            signed(
                Vote(
                    kind: .notarize, height: Height(7), view: View(3), version: VersionDigest(digest(number))))
        }
        return .votes(votes[0], votes[1])
    }

    /// Every kind of message, some twice.
    var all: [Message] {
        let name = contribution.contributionDigest
        return [
            .summary(summary(views: 2, candidates: 3)), .contribution(signed(contribution)),
            .have(name, pieces: Bitmap((0..<69).map { $0 % 2 == 0 })), .want(name, pieces: [0, 68, 7]),
            .availability(availability), .closed(signed(closed)), .closing(closingNames), .ready(signed(ready)),
            .proposal(
                signed(
                    Proposal(
                        height: Height(7), view: View(3), version: payload.version.versionDigest, reproposed: View(1)))),
            .payload(payload), .votes(votes(.notarize)), .votes(votes(.nullify)), .fetch(fetchItems),
            .address(
                signed(
                    AddressRecord(member: site.member.id, addresses: ["de.example:7411", "[::1]:7411"], sequence: 3))),
            .question(question), .report(signed(report(height: 0, statements: []))),
            .report(signed(report(height: 7, statements: heldStatements))),
            .requestHeaders(from: Height(8)),
            .headerPart(
                HeaderPart(height: Height(8), offset: 10, byteCount: 400, isLast: true, bytes: Array(0..<200))),
            .blocks(digest(9), .wanted([0, 70_000, 3])), .blocks(digest(9), .absent),
            .evidence(.proof(evidence)), .evidence(.half(signed(ready))),
            .evidence(.held([digest(1), digest(2), digest(3)].sorted())), .evidence(.want([digest(4)])),
            .linked(members: digest(10), Bitmap(full: memberCount)),
            .action(action), .readiness(readiness, quorum(over: readiness)), .review(review(1)), .verdict(judged),
        ] + Wire.certified(payload, certificate) + [complete].filter(Wire.fits).map { .carried($0) }
    }

    private var complete: CompleteAction { CompleteAction(signed: action, readiness: quorum(over: readiness)) }

    /// As a node keeps it.
    private var certificate: VoteCertificate {
        let whole = votes(.finalize)
        return VoteCertificate(
            network: whole.network, vote: whole.vote,
            signatures: whole.signatures.prefix(quorumCount, memberCount: memberCount))
    }

    /// The largest that each kind becomes in a mesh of this size.
    var largest: [Message] {
        let name = contribution.contributionDigest
        return all + [
            .summary(
                summary(
                    views: InventorySummary.viewsMaximum,
                    candidates: InventorySummary.candidatesMaximum(memberCount: memberCount),
                    actions: GovernanceTable.Places(memberCount: memberCount).total)
            ),
            .have(name, pieces: Bitmap(full: Wire.piecesMaximum)),
            .want(name, pieces: (0..<Wire.wantedPiecesMaximum).map { Wire.piecesMaximum - 1 - $0 }),
            .fetch((0..<Wire.fetchItemsMaximum).map { .ready(digest($0)) }),
            .ready(readyThatNames(slotsMaximum)),
            .report(signed(report(height: 7, statements: mostStatements))),
            .blocks(digest(9), .wanted((1...Wire.wantedPiecesMaximum).map { Wire.blocksMaximum - $0 })),
            .evidence(.proof(.closed(signed(closed), signed(closed)))),
            .evidence(.half(readyThatNames(slotsMaximum))),
            .evidence(.held((0..<EvidenceMessage.namesMaximum).map { digest($0) }.sorted())),
        ] + headerParts
    }

    /// A version that embeds as much as it can, as it is sent to a node that syncs headers.
    private var headerParts: [Message] {
        let embedded = EmbeddedPayload(
            payload: payload, ready: (0..<quorumCount).map { _ in signed(ready) },
            closings: [Closing(statements: (0..<quorumCount).map { _ in signed(closed) })],
            availability: (0..<listedCount).map { _ in availability })
        let version = CertifiedVersion(
            embedded: embedded, certificate: certificate,
            contributions: (0..<listedCount).map { _ in signed(contribution) })
        return Wire.headerMessages(of: version, isLast: true).compactMap { try? Message(encoded: $0) }
    }

    private var question: StartQuestion {
        StartQuestion(member: site.member.id, instance: InstanceID(digest(10)), isForPassingOn: true)
    }

    private func report(height: UInt64, statements: [SignedStatement]) -> StartReport {
        StartReport(
            member: MemberID(digest(11)), instance: InstanceID(digest(10)), standing: .recovering,
            height: Height(height), certificate: height == 0 ? nil : certificate, hasDuplicateInstance: height == 0,
            statements: statements)
    }

    /// One of each kind.
    private var heldStatements: [SignedStatement] {
        let proposal = Proposal(
            height: Height(7), view: View(3), version: payload.version.versionDigest, reproposed: View(1))
        return [
            .vote(signed(votes(.notarize).vote)), .proposal(signed(proposal)), .closed(signed(closed)),
            .ready(signed(ready)), .contribution(signed(contribution)),
            .availabilityVote(signed(AvailabilityVote(contribution))),
        ]
    }

    /// As many as a report takes.
    private var mostStatements: [SignedStatement] {
        let statement = SignedStatement.availabilityVote(signed(AvailabilityVote(contribution)))
        return Array(
            repeating: statement,
            count: StartReport.statementBytesMaximum(memberCount: memberCount) / statement.cbor.encoded.count)
    }
}
