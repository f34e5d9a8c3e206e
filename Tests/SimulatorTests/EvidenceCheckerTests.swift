import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

struct EvidenceCheckerTests {
    private func proof(_ fabrication: Fabrication, by member: Int, and other: Int? = nil) -> Evidence {
        .votes(
            fabrication.signed(fabrication.vote(.notarize, 1, "a"), by: member),
            fabrication.signed(fabrication.vote(.notarize, 1, "b"), by: other ?? member))
    }

    @Test func evidenceAgainstAByzantineMemberIsCounted() {
        let fabrication = Fabrication(byzantine: [1])
        fabrication.checkers.synced([.evidence(proof(fabrication, by: 1))], by: 0)
        #expect(fabrication.fired.isEmpty)
        #expect(fabrication.checkers.accused == [[fabrication.id(1)], [], [], []])
    }

    @Test func evidenceAgainstAnHonestMemberIsSeen() {
        let fabrication = Fabrication(byzantine: [1])
        fabrication.checkers.synced([.evidence(proof(fabrication, by: 2))], by: 0)
        #expect(fabrication.fired == [.wrongEvidence])
    }

    @Test func twoSignersAreNoEvidence() {
        let fabrication = Fabrication(byzantine: [1])
        fabrication.checkers.synced([.evidence(proof(fabrication, by: 1, and: 2))], by: 0)
        #expect(fabrication.fired == [.wrongEvidence])
    }

    @Test(arguments: ["notarize and nullify", "two views", "the same twice", "forged"])
    func whatProvesNothingIsSeen(kind: String) {
        let fabrication = Fabrication(byzantine: [1])
        let first = fabrication.vote(.notarize, 1, "a")
        let second =
            switch kind {
            case "notarize and nullify": fabrication.vote(.nullify)
            case "two views": fabrication.vote(.notarize, 2, "b")
            case "the same twice": first
            default: fabrication.vote(.notarize, 1, "b")
            }
        let other = Signed(
            signer: fabrication.id(1), body: second,
            signature: fabrication.signed(second, by: kind == "forged" ? 2 : 1).signature)
        fabrication.checkers.synced([.evidence(.votes(fabrication.signed(first, by: 1), other))], by: 0)
        #expect(fabrication.fired == [.wrongEvidence])
        #expect(fabrication.checkers.accused[0].isEmpty)
    }

    @Test func finalizeAndNullifyAreEvidence() {
        let fabrication = Fabrication(byzantine: [1])
        let votes = [fabrication.vote(.nullify), fabrication.vote(.finalize, 1, "a")].map {
            fabrication.signed($0, by: 1)
        }
        fabrication.checkers.synced([.evidence(.votes(votes[0], votes[1]))], by: 0)
        #expect(fabrication.fired.isEmpty)
        #expect(fabrication.checkers.accused[0] == [fabrication.id(1)])
    }

    @Test func twoContributionsOfACulpritAreAContradictionAndCopiesAreNone() {
        let fabrication = Fabrication(byzantine: [1])
        let contributions = [UInt64(1), 2].map { fabrication.signed(fabrication.contribution(by: 1, norm: $0), by: 1) }
        for _ in 0..<2 { fabrication.checkers.watch(contributions[0].encoded) }
        let forged = Signed(
            signer: fabrication.id(1), body: contributions[1].body, signature: contributions[0].signature)
        fabrication.checkers.watch(forged.encoded)
        #expect(fabrication.checkers.contradicted.isEmpty)
        fabrication.checkers.watch(contributions[1].encoded)
        #expect(fabrication.checkers.contradicted == [fabrication.id(1)])
    }

    /// Nobody equivocates in a quiet cluster: whoever is said to have done so is not convicted there.
    @Test func aMemberThatIsNotConvictedIsSeen() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        options.heights = 2
        options.faults = FaultProfile(members: 4)
        let cluster = Cluster(options)
        cluster.culprits = [2]
        cluster.checkers.contradicted = [cluster.checkers.people[2]]
        let outcome = cluster.run()
        #expect(Set(outcome.violations.map(\.checker)) == [.missingEvidence])
        #expect(outcome.violations.count == 4)
    }
}
