import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// An checker that cannot fire proves nothing: each is shown a fabricated violation, and the honest thing beside it.
struct CheckerTests {
    @Test func anUnsyncedVoteOnAWireIsSeen() {
        let fabrication = Fabrication()
        fabrication.checkers.sent(fabrication.signed(fabrication.vote(.notarize), by: 0).encoded, by: 0)
        #expect(fabrication.fired == [.unsyncedSignature])
    }

    @Test func aSyncedVoteMayBeSent() {
        let fabrication = Fabrication()
        let vote = fabrication.signed(fabrication.vote(.notarize), by: 0)
        fabrication.checkers.synced([.vote(vote)], by: 0)
        fabrication.checkers.sent(vote.encoded, by: 0)
        #expect(fabrication.fired.isEmpty)
    }

    @Test func anUnsyncedVoteInsideOfACertificateOfOthersIsSeen() {
        let fabrication = Fabrication()
        let votes = fabrication.certificate(fabrication.vote(.nullify), by: [0, 2])
        let message = CBOR.array([.unsigned(9), votes.cbor]).encoded
        fabrication.checkers.sent(message, by: 3)
        #expect(fabrication.fired == [.unsyncedSignature, .unsyncedSignature])
    }

    @Test func aForgedVoteSaysNothingAboutTheMemberThatItNames() {
        let fabrication = Fabrication()
        let forged = Signed(
            signer: fabrication.id(0), body: fabrication.vote(.notarize),
            signature: fabrication.signed(fabrication.vote(.notarize), by: 1).signature)
        fabrication.checkers.sent(forged.encoded, by: 3)
        #expect(fabrication.fired.isEmpty)
    }

    @Test func whatAByzantineMemberSignsIsNoViolation() {
        let fabrication = Fabrication(byzantine: [1])
        for text in ["a", "b"] {
            fabrication.checkers.sent(fabrication.signed(fabrication.vote(.notarize, 1, text), by: 1).encoded, by: 1)
        }
        #expect(fabrication.fired.isEmpty)
    }

    @Test(arguments: ["contribution", "stored", "ready", "proposal", "notarize", "finalize", "nullify and finalize"])
    func twoStatementsForOnePlaceAreSeen(kind: String) {
        let fabrication = Fabrication()
        let contributions = [UInt64(1), 2].map { fabrication.contribution(by: 0, norm: $0) }
        let entries: [JournalEntry] =
            switch kind {
            case "contribution": contributions.map { .ownContribution(fabrication.signed($0, by: 0)) }
            case "stored": contributions.map { .availabilityVote(fabrication.signed(AvailabilityVote($0), by: 0)) }
            case "ready":
                ["a", "b"].map {
                    .ready(
                        fabrication.signed(Ready(height: Height(1), parent: fabrication.version($0), slots: []), by: 0))
                }
            case "proposal":
                ["a", "b"].map {
                    .proposal(
                        fabrication.signed(
                            Proposal(
                                height: Height(1), view: .first, version: fabrication.version($0), reproposed: .none),
                            by: 0))
                }
            case "notarize": ["a", "b"].map { .vote(fabrication.signed(fabrication.vote(.notarize, 1, $0), by: 0)) }
            case "finalize": ["a", "b"].map { .vote(fabrication.signed(fabrication.vote(.finalize, 1, $0), by: 0)) }
            default: [.nullify, .finalize].map { .vote(fabrication.signed(fabrication.vote($0), by: 0)) }
            }
        for entry in entries { fabrication.checkers.synced([entry], by: 0) }
        #expect(fabrication.fired.filter { $0 != .unsyncedGround } == [.equivocation])
    }

    @Test func aVoteNeedsTheCertificateThatOpenedItsView() {
        let fabrication = Fabrication()
        let vote = JournalEntry.vote(fabrication.signed(fabrication.vote(.notarize, 2), by: 0))
        fabrication.checkers.synced([vote], by: 0)
        #expect(fabrication.fired == [.unjustifiedVote, .unsyncedGround])
        let other = Fabrication()
        for member in 1..<4 {
            other.checkers.synced([.vote(other.signed(other.vote(.nullify), by: member))], by: member)
        }
        let nullification = other.certificate(other.vote(.nullify), by: [1, 2, 3])
        other.checkers.note(
            Proposal(height: Height(1), view: View(2), version: other.version("a"), reproposed: .none))
        other.checkers.synced([.certificate(nullification), vote], by: 0)
        #expect(other.fired.isEmpty)
    }

    @Test func finalizeNeedsTheNotarization() {
        let fabrication = Fabrication()
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.finalize), by: 0))], by: 0)
        #expect(fabrication.fired == [.unsyncedGround])
    }

    @Test func readyNeedsTheCertificatesThatItNames() {
        let fabrication = Fabrication()
        let contribution = fabrication.contribution(by: 1)
        let ready = Ready(height: Height(1), parent: fabrication.genesis.versionDigest, slots: [contribution.slot])
        fabrication.checkers.synced(
            fabrication.closed(contribution, by: [0, 1, 2]) + [.ready(fabrication.signed(ready, by: 0))], by: 0)
        #expect(fabrication.fired.contains(.unsyncedGround))
    }

    /// A ready record rests on what commits the slots that it names.
    @Test(arguments: [2, 3]) func readyNeedsTheStatementsThatCommitWhatItNames(count: Int) {
        let fabrication = Fabrication(byzantine: [1, 2, 3])
        let contribution = fabrication.contribution(by: 1)
        let vote = AvailabilityVote(contribution)
        let available = AvailabilityCertificate(vote: vote, signatures: fabrication.quorum(vote, by: [1, 2, 3]))
        let ready = Ready(height: Height(1), parent: fabrication.genesis.versionDigest, slots: [contribution.slot])
        let closed = fabrication.closed(contribution, by: Array(1...count))
        fabrication.checkers.synced(
            closed + [.availability(available), .ready(fabrication.signed(ready, by: 0))], by: 0)
        #expect(fabrication.fired == (count == 3 ? [] : [.unsyncedGround]))
    }

    @Test func twoCommitmentsOfOneSlotAreSeen() {
        let fabrication = Fabrication(byzantine: [0, 1, 2])
        for norm in [UInt64(1), 2] {
            for entry in fabrication.closed(fabrication.contribution(by: 3, norm: norm), by: [0, 1, 2]) {
                fabrication.checkers.sent(entry.encoded, by: 0)
            }
            #expect(fabrication.fired == (norm == 1 ? [] : [.conflictingCommitment]))
        }
    }

    @Test(arguments: [2, 3]) func aPieceThatIsShownBeforeAQuorumHasClosedIsSeen(count: Int) {
        let fabrication = Fabrication(byzantine: [1, 2, 3])
        for entry in fabrication.closed(fabrication.contribution(by: 0), by: Array(1...count)) {
            fabrication.checkers.sent(entry.encoded, by: 1)
        }
        fabrication.checkers.shows(fabrication.contribution(by: 0), by: 0)
        #expect(fabrication.fired == (count == 3 ? [] : [.earlyReveal]))
    }

    @Test func aCommitmentThatWasHeardInTimeMustBeNamed() {
        let fabrication = Fabrication()
        let contribution = fabrication.contribution(by: 1)
        func close(naming commitments: [Commitment]) {
            let closed = Closed(height: Height(1), parent: fabrication.genesis.versionDigest, commitments: commitments)
            fabrication.checkers.closes(closed, by: 0, heard: [contribution])
        }
        close(naming: [Commitment(contribution)])
        #expect(fabrication.fired.isEmpty)
        close(naming: [])
        #expect(fabrication.fired == [.commitmentLeftOut])
    }

    @Test func anAckNeedsTheContributionOnDisk() {
        let fabrication = Fabrication()
        let contribution = fabrication.contribution(by: 1)
        let entries: [JournalEntry] = [
            .contribution(fabrication.signed(contribution, by: 1)),
            .availabilityVote(fabrication.signed(AvailabilityVote(contribution), by: 0)),
        ]
        fabrication.checkers.synced(entries, by: 0)
        #expect(fabrication.fired.isEmpty)
        let other = Fabrication()
        other.checkers.holds = { _, _ in false }
        other.checkers.synced(entries, by: 0)
        #expect(other.fired == [.unsyncedGround])
    }

    @Test func aProposalNeedsItsPayload() {
        let fabrication = Fabrication()
        let proposal = Proposal(height: Height(1), view: .first, version: fabrication.version("a"), reproposed: .none)
        fabrication.checkers.synced([.proposal(fabrication.signed(proposal, by: 0))], by: 0)
        #expect(fabrication.fired == [.unsyncedGround])
    }

    @Test func twoThirdsAreNoQuorum() {
        let fabrication = Fabrication()
        for member in 0..<2 {
            fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.nullify), by: member))], by: member)
        }
        fabrication.checkers.synced(
            [.certificate(fabrication.certificate(fabrication.vote(.nullify), by: [0, 1]))], by: 3)
        #expect(fabrication.fired == [.invalidCertificate])
    }

    @Test func signaturesOfSomethingElseMakeNoCertificate() {
        let fabrication = Fabrication()
        let certificate = fabrication.certificate(
            fabrication.vote(.nullify, 1), by: [0, 1, 2], signing: fabrication.vote(.nullify, 2))
        fabrication.checkers.synced([.certificate(certificate)], by: 3)
        #expect(fabrication.fired == [.invalidCertificate])
    }

    @Test func twoDecisionsOfOneHeightAreSeen() {
        let fabrication = Fabrication(byzantine: [0, 1, 2])
        for text in ["a", "b"] {
            let view: UInt32 = text == "a" ? 1 : 2
            fabrication.checkers.sent(
                fabrication.certificate(fabrication.vote(.finalize, view, text), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(fabrication.fired == [.conflictingCertificates])
    }

    @Test func aViewThatIsFinalizedAndNullifiedIsSeen() {
        let fabrication = Fabrication(byzantine: [0, 1, 2])
        for kind in [VoteKind.nullify, .finalize] {
            fabrication.checkers.sent(fabrication.certificate(fabrication.vote(kind), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(fabrication.fired == [.conflictingCertificates])
    }

    @Test func aViewMayBeNotarizedAndNullified() {
        let fabrication = Fabrication(byzantine: [0, 1, 2])
        for kind in [VoteKind.nullify, .notarize] {
            fabrication.checkers.sent(fabrication.certificate(fabrication.vote(kind), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(fabrication.fired.isEmpty)
    }

    @Test func twoHeadsOfOneHeightAreSeen() {
        let fabrication = Fabrication(byzantine: [0, 1])
        fabrication.checkers.roots = { _, manifest in
            StateRoots(parameters: Digest(DigestDomain("mesh/sim-test"), manifest.flatMap(\.encoded)))
        }
        for member in 2..<4 {
            let contribution = fabrication.contribution(by: member)
            let draft = fabrication.certified(listing: [contribution])
            let roots = fabrication.checkers.roots(fabrication.genesis.roots, draft.version.manifest)
            let certified = fabrication.certified(listing: [contribution], roots: roots, signers: [0, 1, member])
            fabrication.syncFinalizations(of: certified, by: [member])
            fabrication.checkers.synced([.adopt(certified)], by: member)
        }
        #expect(fabrication.fired.contains(.conflictingVersions))
    }

    @Test func aRootThatNobodyElseComputesIsSeen() {
        let fabrication = Fabrication()
        fabrication.checkers.roots = { parent, _ in parent }
        fabrication.adopt(fabrication.certified())
        #expect(fabrication.fired.isEmpty)
        let other = Fabrication()
        other.checkers.roots = { _, _ in StateRoots(parameters: .zero) }
        other.adopt(other.certified())
        #expect(other.fired == [.wrongRoots])
    }

    @Test func aListedContributionNeedsHonestHolders() {
        let fabrication = Fabrication()
        fabrication.checkers.holders = { _, _ in 1 }
        fabrication.adopt(fabrication.certified(listing: [fabrication.contribution(by: 0)]))
        #expect(fabrication.fired == [.tooFewHolders])
    }

    @Test func aSlotThatIsListedTwiceIsSeen() {
        let fabrication = Fabrication()
        let first = fabrication.certified(listing: [fabrication.contribution(by: 0)])
        fabrication.adopt(first)
        #expect(fabrication.fired.isEmpty)
        fabrication.adopt(
            fabrication.certified(height: 2, parent: first.version, listing: [fabrication.contribution(by: 0)]))
        #expect(fabrication.fired == [.repeatedSlot])
    }

    @Test(arguments: [0, 1, 2]) func aVersionThatListsFewerThanTheRulesAskForIsSeen(listed: Int) {
        let fabrication = Fabrication(minContributions: 2)
        fabrication.adopt(fabrication.certified(listing: (0..<listed).map { fabrication.contribution(by: $0) }))
        #expect(fabrication.fired == (listed == 1 ? [.tooFewContributions] : []))
    }

    @Test func aVersionThatSkipsAHeightIsSeen() {
        let fabrication = Fabrication()
        fabrication.adopt(fabrication.certified(height: 2))
        #expect(fabrication.fired == [.conflictingVersions])
    }

    /// Unless the rules ask for more contributions than that.
    @Test(arguments: [true, false], [UInt32(1), 2])
    func whatEnoughHonestMembersNamedMustBeListed(isListed: Bool, minContributions: UInt32) {
        let fabrication = Fabrication(byzantine: [3], minContributions: minContributions)
        let contribution = fabrication.contribution(by: 0)
        let vote = AvailabilityVote(contribution)
        for member in 0..<3 {
            fabrication.checkers.synced(
                [
                    .contribution(fabrication.signed(contribution, by: 0)),
                    .availabilityVote(fabrication.signed(vote, by: member)),
                ], by: member)
        }
        let available = AvailabilityCertificate(vote: vote, signatures: fabrication.quorum(vote, by: [0, 1, 2]))
        let ready = Ready(height: Height(1), parent: fabrication.genesis.versionDigest, slots: [contribution.slot])
        for member in 0..<3 {
            fabrication.checkers.synced(fabrication.closed(contribution, by: [member]), by: member)
        }
        for member in 0..<3 {
            fabrication.checkers.synced(
                fabrication.closed(contribution, by: [0, 1, 2]) + [
                    .availability(available), .ready(fabrication.signed(ready, by: member)),
                ], by: member)
        }
        fabrication.adopt(fabrication.certified(listing: isListed ? [contribution] : []))
        let isEnough = minContributions == 1
        #expect(fabrication.fired == (isListed && !isEnough ? [.tooFewContributions] : []))
        fabrication.checkers.checkInclusion()
        #expect(fabrication.fired.contains(.inclusion) == (!isListed && isEnough))
    }

    @Test func aMessageBeyondTheLimitIsSeen() {
        let fabrication = Fabrication()
        fabrication.checkers.sent([UInt8](repeating: 0, count: Wire.messageBytesMaximum), by: 0)
        #expect(fabrication.fired.isEmpty)
        fabrication.checkers.sent([UInt8](repeating: 0, count: Wire.messageBytesMaximum + 1), by: 0)
        #expect(fabrication.fired == [.oversizeMessage])
    }

    @Test func aWorldInWhichNothingHappensFails() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.absentTrainers = [true, true, true, true]
        options.faults = faults
        options.healingLimitMilliseconds = 30_000
        let outcome = Cluster(options).run()
        #expect(outcome.violations.map(\.checker) == [.noProgress])
    }

    /// Three of four train, and the rules ask for all: nothing moves. For three of them: it does.
    @Test(arguments: [UInt32(3), 4]) func aWorldWaitsForAsManyAsTheRulesAskFor(minContributions: UInt32) {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.absentTrainers = [true, false, false, false]
        options.faults = faults
        options.minContributions = minContributions
        options.healingLimitMilliseconds = 30_000
        let outcome = Cluster(options).run()
        #expect(outcome.violations.map(\.checker) == (minContributions == 3 ? [] : [.noProgress]))
    }

    @Test func aWorldThatRunsAwayFails() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        options.occurrencesMaximum = 1_000
        #expect(Cluster(options).run().violations.map(\.checker) == [.unboundedQueue])
    }

    @Test func moreLostMembersThanTheBoundStopTheWorld() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.deadAfterHealing = [true, true, false, false]
        options.faults = faults
        options.healingLimitMilliseconds = 60_000
        #expect(Cluster(options).run().violations.map(\.checker) == [.noProgress])
    }
}
