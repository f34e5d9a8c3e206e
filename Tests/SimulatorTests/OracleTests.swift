import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// An oracle that cannot fire proves nothing: each is shown a fabricated violation, and the honest thing beside it.
struct OracleTests {
    @Test func anUnsyncedVoteOnAWireIsSeen() {
        let town = Fabrication()
        town.oracles.sent(town.signed(town.vote(.notarize), by: 0).encoded, by: 0)
        #expect(town.fired == [.unsyncedSignature])
    }

    @Test func aSyncedVoteMayBeSent() {
        let town = Fabrication()
        let vote = town.signed(town.vote(.notarize), by: 0)
        town.oracles.synced([.vote(vote)], by: 0)
        town.oracles.sent(vote.encoded, by: 0)
        #expect(town.fired.isEmpty)
    }

    @Test func anUnsyncedVoteInsideOfACertificateOfOthersIsSeen() {
        let town = Fabrication()
        let votes = town.certificate(town.vote(.nullify), by: [0, 2])
        let message = CBOR.array([.unsigned(9), votes.cbor]).encoded
        town.oracles.sent(message, by: 3)
        #expect(town.fired == [.unsyncedSignature, .unsyncedSignature])
    }

    @Test func aForgedVoteSaysNothingAboutTheMemberThatItNames() {
        let town = Fabrication()
        let forged = Signed(
            signer: town.id(0), body: town.vote(.notarize),
            signature: town.signed(town.vote(.notarize), by: 1).signature)
        town.oracles.sent(forged.encoded, by: 3)
        #expect(town.fired.isEmpty)
    }

    @Test func whatAByzantineMemberSignsIsNoViolation() {
        let town = Fabrication(byzantine: [1])
        for text in ["a", "b"] {
            town.oracles.sent(town.signed(town.vote(.notarize, 1, text), by: 1).encoded, by: 1)
        }
        #expect(town.fired.isEmpty)
    }

    @Test(arguments: ["contribution", "stored", "ready", "proposal", "notarize", "finalize", "nullify and finalize"])
    func twoStatementsForOnePlaceAreSeen(kind: String) {
        let town = Fabrication()
        let contributions = [UInt64(1), 2].map { town.contribution(by: 0, norm: $0) }
        let entries: [JournalEntry] =
            switch kind {
            case "contribution": contributions.map { .ownContribution(town.signed($0, by: 0)) }
            case "stored": contributions.map { .stored(town.signed(Stored($0), by: 0)) }
            case "ready":
                ["a", "b"].map {
                    .ready(town.signed(Ready(height: Height(1), parent: town.version($0), slots: []), by: 0))
                }
            case "proposal":
                ["a", "b"].map {
                    .proposal(
                        town.signed(
                            Proposal(height: Height(1), view: .first, version: town.version($0), reproposed: .none),
                            by: 0))
                }
            case "notarize": ["a", "b"].map { .vote(town.signed(town.vote(.notarize, 1, $0), by: 0)) }
            case "finalize": ["a", "b"].map { .vote(town.signed(town.vote(.finalize, 1, $0), by: 0)) }
            default: [.nullify, .finalize].map { .vote(town.signed(town.vote($0), by: 0)) }
            }
        for entry in entries { town.oracles.synced([entry], by: 0) }
        #expect(town.fired.filter { $0 != .unsyncedGround } == [.equivocation])
    }

    @Test func aVoteNeedsTheCertificateThatOpenedItsView() {
        let town = Fabrication()
        let vote = JournalEntry.vote(town.signed(town.vote(.notarize, 2), by: 0))
        town.oracles.synced([vote], by: 0)
        #expect(town.fired == [.unjustifiedVote, .unsyncedGround])
        let other = Fabrication()
        for member in 1..<4 {
            other.oracles.synced([.vote(other.signed(other.vote(.nullify), by: member))], by: member)
        }
        let nullification = other.certificate(other.vote(.nullify), by: [1, 2, 3])
        other.oracles.note(
            Proposal(height: Height(1), view: View(2), version: other.version("a"), reproposed: .none))
        other.oracles.synced([.certificate(nullification), vote], by: 0)
        #expect(other.fired.isEmpty)
    }

    @Test func finalizeNeedsTheNotarization() {
        let town = Fabrication()
        town.oracles.synced([.vote(town.signed(town.vote(.finalize), by: 0))], by: 0)
        #expect(town.fired == [.unsyncedGround])
    }

    @Test func readyNeedsTheCertificatesThatItNames() {
        let town = Fabrication()
        let contribution = town.contribution(by: 1)
        let ready = Ready(height: Height(1), parent: town.genesis.versionDigest, slots: [contribution.slot])
        town.oracles.synced(town.closed(contribution, by: [0, 1, 2]) + [.ready(town.signed(ready, by: 0))], by: 0)
        #expect(town.fired.contains(.unsyncedGround))
    }

    /// A ready record rests on what commits the slots that it names.
    @Test(arguments: [2, 3]) func readyNeedsTheStatementsThatCommitWhatItNames(count: Int) {
        let town = Fabrication(byzantine: [1, 2, 3])
        let contribution = town.contribution(by: 1)
        let stored = Stored(contribution)
        let available = AvailabilityCertificate(stored: stored, signatures: town.quorum(stored, by: [1, 2, 3]))
        let ready = Ready(height: Height(1), parent: town.genesis.versionDigest, slots: [contribution.slot])
        let closed = town.closed(contribution, by: Array(1...count))
        town.oracles.synced(closed + [.availability(available), .ready(town.signed(ready, by: 0))], by: 0)
        #expect(town.fired == (count == 3 ? [] : [.unsyncedGround]))
    }

    @Test func twoCommitmentsOfOneSlotAreSeen() {
        let town = Fabrication(byzantine: [0, 1, 2])
        for norm in [UInt64(1), 2] {
            for entry in town.closed(town.contribution(by: 3, norm: norm), by: [0, 1, 2]) {
                town.oracles.sent(entry.encoded, by: 0)
            }
            #expect(town.fired == (norm == 1 ? [] : [.conflictingCommitment]))
        }
    }

    @Test(arguments: [2, 3]) func aPieceThatIsShownBeforeAQuorumHasClosedIsSeen(count: Int) {
        let town = Fabrication(byzantine: [1, 2, 3])
        for entry in town.closed(town.contribution(by: 0), by: Array(1...count)) {
            town.oracles.sent(entry.encoded, by: 1)
        }
        town.oracles.shows(town.contribution(by: 0), by: 0)
        #expect(town.fired == (count == 3 ? [] : [.earlyReveal]))
    }

    @Test func aCommitmentThatWasHeardInTimeMustBeNamed() {
        let town = Fabrication()
        let contribution = town.contribution(by: 1)
        func close(naming commitments: [Commitment]) {
            let closed = Closed(height: Height(1), parent: town.genesis.versionDigest, commitments: commitments)
            town.oracles.closes(closed, by: 0, heard: [contribution])
        }
        close(naming: [Commitment(contribution)])
        #expect(town.fired.isEmpty)
        close(naming: [])
        #expect(town.fired == [.commitmentLeftOut])
    }

    @Test func anAckNeedsTheContributionOnDisk() {
        let town = Fabrication()
        let contribution = town.contribution(by: 1)
        let entries: [JournalEntry] = [
            .contribution(town.signed(contribution, by: 1)), .stored(town.signed(Stored(contribution), by: 0)),
        ]
        town.oracles.synced(entries, by: 0)
        #expect(town.fired.isEmpty)
        let other = Fabrication()
        other.oracles.holds = { _, _ in false }
        other.oracles.synced(entries, by: 0)
        #expect(other.fired == [.unsyncedGround])
    }

    @Test func aProposalNeedsItsPayload() {
        let town = Fabrication()
        let proposal = Proposal(height: Height(1), view: .first, version: town.version("a"), reproposed: .none)
        town.oracles.synced([.proposal(town.signed(proposal, by: 0))], by: 0)
        #expect(town.fired == [.unsyncedGround])
    }

    @Test func twoThirdsAreNoQuorum() {
        let town = Fabrication()
        for member in 0..<2 { town.oracles.synced([.vote(town.signed(town.vote(.nullify), by: member))], by: member) }
        town.oracles.synced([.certificate(town.certificate(town.vote(.nullify), by: [0, 1]))], by: 3)
        #expect(town.fired == [.invalidCertificate])
    }

    @Test func signaturesOfSomethingElseMakeNoCertificate() {
        let town = Fabrication()
        let certificate = town.certificate(
            town.vote(.nullify, 1), by: [0, 1, 2], signing: town.vote(.nullify, 2))
        town.oracles.synced([.certificate(certificate)], by: 3)
        #expect(town.fired == [.invalidCertificate])
    }

    @Test func twoDecisionsOfOneHeightAreSeen() {
        let town = Fabrication(byzantine: [0, 1, 2])
        for text in ["a", "b"] {
            let view: UInt32 = text == "a" ? 1 : 2
            town.oracles.sent(town.certificate(town.vote(.finalize, view, text), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(town.fired == [.conflictingCertificates])
    }

    @Test func aViewThatIsFinalizedAndNullifiedIsSeen() {
        let town = Fabrication(byzantine: [0, 1, 2])
        for kind in [VoteKind.nullify, .finalize] {
            town.oracles.sent(town.certificate(town.vote(kind), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(town.fired == [.conflictingCertificates])
    }

    @Test func aViewMayBeNotarizedAndNullified() {
        let town = Fabrication(byzantine: [0, 1, 2])
        for kind in [VoteKind.nullify, .notarize] {
            town.oracles.sent(town.certificate(town.vote(kind), by: [0, 1, 2]).encoded, by: 0)
        }
        #expect(town.fired.isEmpty)
    }

    @Test func twoHeadsOfOneHeightAreSeen() {
        let town = Fabrication(byzantine: [0, 1])
        town.oracles.roots = { _, manifest in
            StateRoots(parameters: Digest(DigestDomain("mesh/sim-test"), manifest.flatMap(\.encoded)))
        }
        for member in 2..<4 {
            let contribution = town.contribution(by: member)
            let draft = town.certified(listing: [contribution])
            let roots = town.oracles.roots(town.genesis.roots, draft.version.manifest)
            let certified = town.certified(listing: [contribution], roots: roots, signers: [0, 1, member])
            town.syncFinalizations(of: certified, by: [member])
            town.oracles.synced([.adopt(certified)], by: member)
        }
        #expect(town.fired.contains(.conflictingVersions))
    }

    @Test func aRootThatNobodyElseComputesIsSeen() {
        let town = Fabrication()
        town.oracles.roots = { parent, _ in parent }
        town.adopt(town.certified())
        #expect(town.fired.isEmpty)
        let other = Fabrication()
        other.oracles.roots = { _, _ in StateRoots(parameters: .zero) }
        other.adopt(other.certified())
        #expect(other.fired == [.wrongRoots])
    }

    @Test func aListedContributionNeedsHonestHolders() {
        let town = Fabrication()
        town.oracles.holders = { _, _ in 1 }
        town.adopt(town.certified(listing: [town.contribution(by: 0)]))
        #expect(town.fired == [.tooFewHolders])
    }

    @Test func aSlotThatIsListedTwiceIsSeen() {
        let town = Fabrication()
        let first = town.certified(listing: [town.contribution(by: 0)])
        town.adopt(first)
        #expect(town.fired.isEmpty)
        town.adopt(town.certified(height: 2, parent: first.version, listing: [town.contribution(by: 0)]))
        #expect(town.fired == [.repeatedSlot])
    }

    @Test(arguments: [0, 1, 2]) func aVersionThatListsFewerThanTheRulesAskForIsSeen(listed: Int) {
        let town = Fabrication(minContributions: 2)
        town.adopt(town.certified(listing: (0..<listed).map { town.contribution(by: $0) }))
        #expect(town.fired == (listed == 1 ? [.tooFewContributions] : []))
    }

    @Test func aVersionThatSkipsAHeightIsSeen() {
        let town = Fabrication()
        town.adopt(town.certified(height: 2))
        #expect(town.fired == [.conflictingVersions])
    }

    /// Unless the rules ask for more contributions than that.
    @Test(arguments: [true, false], [UInt32(1), 2])
    func whatEnoughHonestMembersNamedMustBeListed(isListed: Bool, minContributions: UInt32) {
        let town = Fabrication(byzantine: [3], minContributions: minContributions)
        let contribution = town.contribution(by: 0)
        let stored = Stored(contribution)
        for member in 0..<3 {
            town.oracles.synced(
                [
                    .contribution(town.signed(contribution, by: 0)), .stored(town.signed(stored, by: member)),
                ], by: member)
        }
        let available = AvailabilityCertificate(stored: stored, signatures: town.quorum(stored, by: [0, 1, 2]))
        let ready = Ready(height: Height(1), parent: town.genesis.versionDigest, slots: [contribution.slot])
        for member in 0..<3 {
            town.oracles.synced(town.closed(contribution, by: [member]), by: member)
        }
        for member in 0..<3 {
            town.oracles.synced(
                town.closed(contribution, by: [0, 1, 2]) + [
                    .availability(available), .ready(town.signed(ready, by: member)),
                ], by: member)
        }
        town.adopt(town.certified(listing: isListed ? [contribution] : []))
        let isEnough = minContributions == 1
        #expect(town.fired == (isListed && !isEnough ? [.tooFewContributions] : []))
        town.oracles.checkInclusion()
        #expect(town.fired.contains(.inclusion) == (!isListed && isEnough))
    }

    @Test func aMessageBeyondTheLimitIsSeen() {
        let town = Fabrication()
        town.oracles.sent([UInt8](repeating: 0, count: Wire.messageBytesMaximum), by: 0)
        #expect(town.fired.isEmpty)
        town.oracles.sent([UInt8](repeating: 0, count: Wire.messageBytesMaximum + 1), by: 0)
        #expect(town.fired == [.oversizeMessage])
    }

    @Test func aWorldInWhichNothingHappensFails() {
        var options = WorldOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.absentTrainers = [true, true, true, true]
        options.faults = faults
        options.healingLimitMilliseconds = 30_000
        let outcome = World(options).run()
        #expect(outcome.violations.map(\.oracle) == [.noProgress])
    }

    /// Three of four train, and the rules ask for all: nothing moves. For three of them: it does.
    @Test(arguments: [UInt32(3), 4]) func aWorldWaitsForAsManyAsTheRulesAskFor(minContributions: UInt32) {
        var options = WorldOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.absentTrainers = [true, false, false, false]
        options.faults = faults
        options.minContributions = minContributions
        options.healingLimitMilliseconds = 30_000
        let outcome = World(options).run()
        #expect(outcome.violations.map(\.oracle) == (minContributions == 3 ? [] : [.noProgress]))
    }

    @Test func aWorldThatRunsAwayFails() {
        var options = WorldOptions(nodes: 4, seed: 1)
        options.occurrencesMaximum = 1_000
        #expect(World(options).run().violations.map(\.oracle) == [.unboundedQueue])
    }

    @Test func moreLostMembersThanTheBoundStopTheWorld() {
        var options = WorldOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.deadAfterHealing = [true, true, false, false]
        options.faults = faults
        options.healingLimitMilliseconds = 60_000
        #expect(World(options).run().violations.map(\.oracle) == [.noProgress])
    }
}
