import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

struct EvidenceOracleTests {
    private func proof(_ town: Fabrication, by member: Int, and other: Int? = nil) -> Evidence {
        .votes(
            town.signed(town.vote(.notarize, 1, "a"), by: member),
            town.signed(town.vote(.notarize, 1, "b"), by: other ?? member))
    }

    @Test func evidenceAgainstAByzantineMemberIsCounted() {
        let town = Fabrication(byzantine: [1])
        town.oracles.synced([.evidence(proof(town, by: 1))], by: 0)
        #expect(town.fired.isEmpty)
        #expect(town.oracles.accused == [[town.id(1)], [], [], []])
    }

    @Test func evidenceAgainstAnHonestMemberIsSeen() {
        let town = Fabrication(byzantine: [1])
        town.oracles.synced([.evidence(proof(town, by: 2))], by: 0)
        #expect(town.fired == [.wrongEvidence])
    }

    @Test func twoSignersAreNoEvidence() {
        let town = Fabrication(byzantine: [1])
        town.oracles.synced([.evidence(proof(town, by: 1, and: 2))], by: 0)
        #expect(town.fired == [.wrongEvidence])
    }

    @Test(arguments: ["notarize and nullify", "two views", "the same twice", "forged"])
    func whatProvesNothingIsSeen(kind: String) {
        let town = Fabrication(byzantine: [1])
        let first = town.vote(.notarize, 1, "a")
        let second =
            switch kind {
            case "notarize and nullify": town.vote(.nullify)
            case "two views": town.vote(.notarize, 2, "b")
            case "the same twice": first
            default: town.vote(.notarize, 1, "b")
            }
        let other = Signed(
            signer: town.id(1), body: second,
            signature: town.signed(second, by: kind == "forged" ? 2 : 1).signature)
        town.oracles.synced([.evidence(.votes(town.signed(first, by: 1), other))], by: 0)
        #expect(town.fired == [.wrongEvidence])
        #expect(town.oracles.accused[0].isEmpty)
    }

    @Test func finalizeAndNullifyAreEvidence() {
        let town = Fabrication(byzantine: [1])
        let votes = [town.vote(.nullify), town.vote(.finalize, 1, "a")].map { town.signed($0, by: 1) }
        town.oracles.synced([.evidence(.votes(votes[0], votes[1]))], by: 0)
        #expect(town.fired.isEmpty)
        #expect(town.oracles.accused[0] == [town.id(1)])
    }

    @Test func twoContributionsOfACulpritAreAContradictionAndCopiesAreNone() {
        let town = Fabrication(byzantine: [1])
        let contributions = [UInt64(1), 2].map { town.signed(town.contribution(by: 1, norm: $0), by: 1) }
        for _ in 0..<2 { town.oracles.watch(contributions[0].encoded) }
        let forged = Signed(signer: town.id(1), body: contributions[1].body, signature: contributions[0].signature)
        town.oracles.watch(forged.encoded)
        #expect(town.oracles.contradicted.isEmpty)
        town.oracles.watch(contributions[1].encoded)
        #expect(town.oracles.contradicted == [town.id(1)])
    }

    /// Nobody equivocates in a quiet world: whoever is said to have done so is not convicted there.
    @Test func aMemberThatIsNotConvictedIsSeen() {
        var options = WorldOptions(nodes: 4, seed: 1)
        options.heights = 2
        options.faults = FaultProfile(members: 4)
        let world = World(options)
        world.culprits = [2]
        world.oracles.contradicted = [world.oracles.people[2]]
        let outcome = world.run()
        #expect(Set(outcome.violations.map(\.oracle)) == [.missingEvidence])
        #expect(outcome.violations.count == 4)
    }
}
