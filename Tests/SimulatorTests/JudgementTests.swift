import Crypto
import Ledger
import Testing

@testable import Gossip
@testable import Simulator

/// The oracles that judge payloads, votes and bounds again: each is shown what it must see, and the honest thing.
struct JudgementTests {
    /// What a leader of height 1 may propose when members 0, 1 and 2 name the contribution of member 0.
    private struct Draft {
        let town: Fabrication
        let contribution: Contribution
        var named = [0, 1, 2]
        var signers = [0, 1, 2]
        /// Who saw the contribution before the round was closed.
        var namers = [0, 1, 2]
        var isListed = true
        var roots: StateRoots?

        init(minContributions: UInt32 = 1) {
            town = Fabrication(byzantine: [3], minContributions: minContributions)
            contribution = town.contribution(by: 0)
        }

        var embedded: EmbeddedPayload {
            let genesis = town.founding.genesis
            let stored = Stored(contribution)
            let available = AvailabilityCertificate(stored: stored, signatures: town.quorum(stored, by: signers))
            let ready = (0..<3)
                .map { member in
                    town.signed(
                        Ready(
                            height: Height(1), parent: town.genesis.versionDigest,
                            slots: named.contains(member) ? [contribution.slot] : []), by: member)
                }
                .sorted { $0.objectDigest < $1.objectDigest }
            let entry = ManifestEntry(
                slot: contribution.slot, baseHeight: .genesis, contribution: contribution.contributionDigest,
                availability: available.digest, weightQ30: UInt64(Rules.oneQ30))
            let closed = Closed(
                height: Height(1), parent: town.genesis.versionDigest, commitments: [Commitment(contribution)])
            let closing = Closing(statements: namers.map { town.signed(closed, by: $0) })
            let support = Support(
                ready: ready.map(\.objectDigest), closings: isListed ? [closing.names.digest] : [])
            let version = Version(
                network: town.network, height: Height(1), parent: town.genesis.versionDigest,
                manifest: isListed ? [entry] : [], action: nil, rules: genesis.rules.digest,
                members: genesis.members.digest, support: support.digest, roots: roots ?? genesis.roots)
            return EmbeddedPayload(
                payload: Ledger.Payload(version: version, support: support), ready: ready,
                closings: isListed ? [closing] : [], availability: isListed ? [available] : [])
        }

        var fired: [Violation.Oracle] {
            town.oracles.synced([.payload(embedded)], by: 0)
            return town.fired
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
        let town = Fabrication(byzantine: [0, 1, 2])
        for norm in [UInt64(1), 2] {
            let stored = Stored(town.contribution(by: 3, norm: norm))
            town.oracles.sent(
                AvailabilityCertificate(stored: stored, signatures: town.quorum(stored, by: [0, 1, 2])).encoded, by: 0)
            #expect(town.fired == (norm == 1 ? [] : [.conflictingAvailability]))
        }
    }

    @Test func aVoteForWhatNobodyProposedIsSeen() {
        let town = Fabrication()
        town.oracles.synced([.vote(town.signed(town.vote(.notarize, 1, "c"), by: 0))], by: 0)
        #expect(town.fired == [.unjustifiedVote])
    }

    /// Proposed again in view 2 from view 1, where `notarizers` voted for it.
    @Test(arguments: [(notarizers: [0, 1, 2], isJustified: true), ([1, 2], false), ([], false)])
    func proposingAgainNeedsTheNotarization(notarizers: [Int], isJustified: Bool) {
        let town = Fabrication()
        for member in notarizers {
            town.oracles.synced([.vote(town.signed(town.vote(.notarize), by: member))], by: member)
        }
        #expect(town.fired.isEmpty)
        town.oracles.note(
            Proposal(height: Height(1), view: View(2), version: town.version("a"), reproposed: .first))
        town.oracles.synced([.vote(town.signed(town.vote(.notarize, 2), by: 3))], by: 3)
        #expect(town.fired.filter { $0 != .unsyncedGround } == (isJustified ? [] : [.unjustifiedVote]))
    }

    /// A Byzantine member may have signed anything: two honest ones and it are a quorum of four.
    @Test func whatMayHaveBeenNullifiedJustifies() {
        let town = Fabrication(byzantine: [3])
        for member in [1, 2] { town.oracles.synced([.vote(town.signed(town.vote(.nullify), by: member))], by: member) }
        town.oracles.note(Proposal(height: Height(1), view: View(2), version: town.version("c"), reproposed: .none))
        town.oracles.synced([.vote(town.signed(town.vote(.notarize, 2, "c"), by: 0))], by: 0)
        #expect(!town.fired.contains(.unjustifiedVote))
    }

    /// Of whomever it comes: nobody here says who proposed it.
    @Test(arguments: [true, false])
    func refusingAValidPayloadIsSeen(isValid: Bool) {
        var draft = Draft()
        draft.isListed = isValid
        draft.town.oracles.refused(draft.embedded.payload, draft.embedded, by: 0, because: .wrongRoots)
        #expect(draft.town.fired == (isValid ? [.judgedApart] : []))
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
        draft.town.oracles.refused(payload, nil, by: 0, because: .wrongSupport)
        #expect(draft.town.fired == (isWellFormed ? [.judgedApart] : []))
    }

    @Test(arguments: [true, false])
    func standingByWhatAnotherRefusesIsSeen(isRefusedFirst: Bool) {
        var draft = Draft()
        draft.isListed = false
        let refused = draft.embedded
        if isRefusedFirst { draft.town.oracles.refused(refused.payload, refused, by: 1, because: .wrongRoots) }
        _ = draft.fired
        if !isRefusedFirst { draft.town.oracles.refused(refused.payload, refused, by: 1, because: .wrongRoots) }
        #expect(draft.town.fired == [.invalidPayload, .judgedApart])
    }

    @Test(arguments: [true, false])
    func aFinalizedViewNeedsItsNotarizationSomewhere(isAlive: Bool) {
        let town = Fabrication()
        for member in 0..<3 { town.oracles.synced([.vote(town.signed(town.vote(.notarize), by: member))], by: member) }
        let notarization = town.certificate(town.vote(.notarize), by: [0, 1, 2])
        town.oracles.synced([.certificate(notarization)], by: 1)
        town.oracles.synced([.vote(town.signed(town.vote(.finalize), by: 0))], by: 0)
        #expect(town.fired == [.unsyncedGround])
        town.oracles.checkRecoverable { $0 != 1 || isAlive }
        #expect(town.fired.dropFirst() == (isAlive ? [] : [.unrecoverableView]))
    }

    // MARK: - Bounds

    private let world = World(WorldOptions(nodes: 4, seed: 1))

    @Test func aNodeThatKeepsTooMuchIsSeen() {
        var sizes = NodeSizes()
        sizes.view = 1
        sizes.candidates = 10
        world.check(sizes, of: world.sites[0])
        #expect(world.oracles.violations.isEmpty)
        sizes.candidates = 11
        world.check(sizes, of: world.sites[0])
        #expect(world.oracles.violations.map(\.oracle) == [.unboundedMemory])
    }

    @Test func aJournalThatGrowsIsSeen() {
        let town = Fabrication()
        let vote = JournalEntry.vote(town.signed(town.vote(.notarize), by: 0))
        // Nobody governs there: what operators say has a place of its own in a journal.
        let world = World(.calm(nodes: 4, contributors: 4, seed: 1))
        guard let site = world.sites.first(where: \.isHonest) else { return }
        site.disk.commit(Array(repeating: vote, count: 200))
        world.checkBounds()
        #expect(world.oracles.violations.map(\.oracle) == [.unboundedJournal])
    }

    @Test func aVersionThatTakesTooManyViewsIsSeen() {
        let world = World(WorldOptions(nodes: 4, seed: 1))
        world.decidedViews[1] = 11
        world.checkViews()
        #expect(world.oracles.violations.isEmpty)
        world.decidedViews[1] = 12
        world.checkViews()
        #expect(world.oracles.violations.map(\.oracle) == [.tooManyViews])
    }
}
