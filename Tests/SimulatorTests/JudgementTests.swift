import Crypto
import Ledger
import Testing

@testable import Gossip
@testable import Simulator

/// The checkers that judge payloads, votes and bounds again: each is shown what it must see, and the honest thing.
struct JudgementTests {
    /// What a leader of height 1 may propose when members 0, 1 and 2 name the contribution of member 0.
    private struct Draft {
        let fabrication: Fabrication
        let contribution: Contribution
        var named = [0, 1, 2]
        var signers = [0, 1, 2]
        /// Who saw the contribution before the round was closed.
        var namers = [0, 1, 2]
        var isListed = true
        var roots: StateRoots?

        init(minContributions: UInt32 = 1) {
            fabrication = Fabrication(byzantine: [3], minContributions: minContributions)
            contribution = fabrication.contribution(by: 0)
        }

        var embedded: EmbeddedPayload {
            let genesis = fabrication.founding.genesis
            let vote = AvailabilityVote(contribution)
            let available = AvailabilityCertificate(vote: vote, signatures: fabrication.quorum(vote, by: signers))
            let ready = (0..<3)
                .map { member in
                    fabrication.signed(
                        Ready(
                            height: Height(1), parent: fabrication.genesis.versionDigest,
                            slots: named.contains(member) ? [contribution.slot] : []), by: member)
                }
                .sorted { $0.objectDigest < $1.objectDigest }
            let entry = ManifestEntry(
                slot: contribution.slot, baseHeight: .genesis, contribution: contribution.contributionDigest,
                availability: available.digest, weightQ30: UInt64(Rules.oneQ30))
            let closed = Closed(
                height: Height(1), parent: fabrication.genesis.versionDigest, commitments: [Commitment(contribution)])
            let closing = Closing(statements: namers.map { fabrication.signed(closed, by: $0) })
            let support = Support(
                ready: ready.map(\.objectDigest), closings: isListed ? [closing.names.digest] : [])
            let version = Version(
                network: fabrication.network, height: Height(1), parent: fabrication.genesis.versionDigest,
                manifest: isListed ? [entry] : [], action: nil, rules: genesis.rules.digest,
                members: genesis.members.digest, support: support.digest, roots: roots ?? genesis.roots)
            return EmbeddedPayload(
                payload: Ledger.Payload(version: version, support: support), ready: ready,
                closings: isListed ? [closing] : [], availability: isListed ? [available] : [])
        }

        var fired: [Violation.Checker] {
            fabrication.checkers.synced([.payload(embedded)], by: 0)
            return fabrication.fired
        }
    }

    @Test func aPayloadByTheTextIsValid() { #expect(Draft().fired.isEmpty) }

    @Test func leavingOutWhatMustBeListedIsSeen() {
        var draft = Draft()
        draft.isListed = false
        #expect(draft.fired == [.invalidPayload])
    }

    @Test func listingWhatTooFewNamedIsSeen() {
        var draft = Draft()
        draft.named = [0]
        #expect(draft.fired == [.invalidPayload])
    }

    @Test(arguments: [true, false]) func listingFewerThanTheRulesAskForIsSeen(isListed: Bool) {
        var draft = Draft(minContributions: 2)
        draft.isListed = isListed
        #expect(draft.fired == (isListed ? [.invalidPayload] : []))
    }

    @Test func listingOnTooFewAcksIsSeen() {
        var draft = Draft()
        draft.signers = [0, 1]
        #expect(draft.fired == [.invalidPayload])
    }

    @Test func listingWhatTooFewSawInTimeIsSeen() {
        var draft = Draft()
        draft.namers = [0, 1]
        #expect(draft.fired == [.invalidPayload])
    }

    @Test func otherRootsAreSeen() {
        var draft = Draft()
        draft.roots = StateRoots(parameters: .zero)
        #expect(draft.fired == [.invalidPayload])
    }

    @Test func twoCertificatesOfOneSlotAreSeen() {
        let fabrication = Fabrication(byzantine: [0, 1, 2])
        for norm in [UInt64(1), 2] {
            let vote = AvailabilityVote(fabrication.contribution(by: 3, norm: norm))
            fabrication.checkers.sent(
                AvailabilityCertificate(vote: vote, signatures: fabrication.quorum(vote, by: [0, 1, 2])).encoded, by: 0)
            #expect(fabrication.fired == (norm == 1 ? [] : [.conflictingAvailability]))
        }
    }

    @Test func aVoteForWhatNobodyProposedIsSeen() {
        let fabrication = Fabrication()
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.notarize, 1, "c"), by: 0))], by: 0)
        #expect(fabrication.fired == [.unjustifiedVote])
    }

    /// Proposed again in view 2 from view 1, where `notarizers` voted for it.
    @Test(arguments: [(notarizers: [0, 1, 2], isJustified: true), ([1, 2], false), ([], false)])
    func proposingAgainNeedsTheNotarization(notarizers: [Int], isJustified: Bool) {
        let fabrication = Fabrication()
        for member in notarizers {
            fabrication.checkers.synced(
                [.vote(fabrication.signed(fabrication.vote(.notarize), by: member))], by: member)
        }
        #expect(fabrication.fired.isEmpty)
        fabrication.checkers.note(
            Proposal(height: Height(1), view: View(2), version: fabrication.version("a"), reproposed: .first))
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.notarize, 2), by: 3))], by: 3)
        #expect(fabrication.fired.filter { $0 != .unsyncedGround } == (isJustified ? [] : [.unjustifiedVote]))
    }

    /// A Byzantine member may have signed anything: two honest ones and it are a quorum of four.
    @Test func whatMayHaveBeenNullifiedJustifies() {
        let fabrication = Fabrication(byzantine: [3])
        for member in [1, 2] {
            fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.nullify), by: member))], by: member)
        }
        fabrication.checkers.note(
            Proposal(height: Height(1), view: View(2), version: fabrication.version("c"), reproposed: .none))
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.notarize, 2, "c"), by: 0))], by: 0)
        #expect(!fabrication.fired.contains(.unjustifiedVote))
    }

    /// Of whomever it comes: nobody here says who proposed it.
    @Test(arguments: [true, false])
    func refusingAValidPayloadIsSeen(isValid: Bool) {
        var draft = Draft()
        draft.isListed = isValid
        draft.fabrication.checkers.refused(draft.embedded.payload, draft.embedded, by: 0, because: .wrongRoots)
        #expect(draft.fabrication.fired == (isValid ? [.judgedApart] : []))
    }

    /// Before what it names is there a payload is refused for its shape alone.
    @Test(arguments: [true, false])
    func refusingAWellFormedPayloadForItsShapeIsSeen(isWellFormed: Bool) {
        let draft = Draft()
        var payload = draft.embedded.payload
        if !isWellFormed {
            let support = Support(ready: Array(payload.support.ready.dropLast()))
            let shown = payload.version
            payload = Payload(
                version: Version(
                    network: shown.network, height: shown.height, parent: shown.parent, manifest: shown.manifest,
                    action: shown.action, rules: shown.rules, members: shown.members, support: support.digest,
                    roots: shown.roots), support: support)
        }
        draft.fabrication.checkers.refused(payload, nil, by: 0, because: .wrongSupport)
        #expect(draft.fabrication.fired == (isWellFormed ? [.judgedApart] : []))
    }

    @Test(arguments: [true, false])
    func standingByWhatAnotherRefusesIsSeen(isRefusedFirst: Bool) {
        var draft = Draft()
        draft.isListed = false
        let refused = draft.embedded
        if isRefusedFirst { draft.fabrication.checkers.refused(refused.payload, refused, by: 1, because: .wrongRoots) }
        _ = draft.fired
        if !isRefusedFirst { draft.fabrication.checkers.refused(refused.payload, refused, by: 1, because: .wrongRoots) }
        #expect(draft.fabrication.fired == [.invalidPayload, .judgedApart])
    }

    @Test(arguments: [true, false])
    func aFinalizedViewNeedsItsNotarizationSomewhere(isAlive: Bool) {
        let fabrication = Fabrication()
        for member in 0..<3 {
            fabrication.checkers.synced(
                [.vote(fabrication.signed(fabrication.vote(.notarize), by: member))], by: member)
        }
        let notarization = fabrication.certificate(fabrication.vote(.notarize), by: [0, 1, 2])
        fabrication.checkers.synced([.certificate(notarization)], by: 1)
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.finalize), by: 0))], by: 0)
        #expect(fabrication.fired == [.unsyncedGround])
        fabrication.checkers.checkRecoverable { $0 != 1 || isAlive }
        #expect(fabrication.fired.dropFirst() == (isAlive ? [] : [.unrecoverableView]))
    }

    // MARK: - Bounds

    private let cluster = Cluster(ClusterOptions(nodes: 4, seed: 1))

    @Test func aNodeThatKeepsTooMuchIsSeen() {
        var sizes = NodeSizes()
        sizes.view = 1
        sizes.candidates = 10
        cluster.check(sizes, of: cluster.sites[0])
        #expect(cluster.checkers.violations.isEmpty)
        sizes.candidates = 11
        cluster.check(sizes, of: cluster.sites[0])
        #expect(cluster.checkers.violations.map(\.checker) == [.unboundedMemory])
    }

    @Test func aJournalThatGrowsIsSeen() {
        let fabrication = Fabrication()
        let vote = JournalEntry.vote(fabrication.signed(fabrication.vote(.notarize), by: 0))
        // Nobody governs there: what operators say has a place of its own in a journal.
        let cluster = Cluster(.calm(nodes: 4, contributors: 4, seed: 1))
        guard let site = cluster.sites.first(where: \.isHonest) else { return }
        site.disk.commit(Array(repeating: vote, count: 200))
        cluster.checkBounds()
        #expect(cluster.checkers.violations.map(\.checker) == [.unboundedJournal])
    }

    @Test func aVersionThatTakesTooManyViewsIsSeen() {
        let cluster = Cluster(ClusterOptions(nodes: 4, seed: 1))
        cluster.decidedViews[1] = 11
        cluster.checkViews()
        #expect(cluster.checkers.violations.isEmpty)
        cluster.decidedViews[1] = 12
        cluster.checkViews()
        #expect(cluster.checkers.violations.map(\.checker) == [.tooManyViews])
    }
}
