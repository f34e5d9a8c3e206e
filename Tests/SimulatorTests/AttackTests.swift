import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// What makes the swarm's attacks come about.
struct AttackTests {
    @Test(arguments: [4, 5, 7])
    func everyPlanHasItsTurnInASmallSwarm(nodes: Int) {
        var colluding: Set<[ByzantineBehaviour]> = []
        for seed in UInt64(0)..<400 {
            let options = SwarmProfile.long.options(seed: seed)
            guard options.nodes == nodes, seed.isMultiple(of: 2) else { continue }
            let faults = Cluster(options).faults
            let faulty = faults.founders.map { faults.byzantine[$0] }.filter { !$0.isEmpty }
            #expect(faulty.count == (faults.founders.count - 1) / 3)
            #expect(Set(faulty).count == 1, "colluders follow one plan")
            colluding.formUnion(faulty)
        }
        #expect(colluding == Set(FaultProfile.plans))
    }

    @Test(arguments: [MutedKind.proposal, .notarization, .finalization])
    func withoutMessagesOfAKindNothingIsDecidedUntilHealing(kind: MutedKind) {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.mutedKinds = [kind]
        faults.mutedPercent = 100
        faults.chaosMaximum = 1_500
        options.faults = faults
        let cluster = Cluster(options)
        _ = cluster.run(until: SimulatedTime(milliseconds: 1_500)) { false }
        #expect(cluster.sites.allSatisfy { $0.disk.height == .genesis })
        let outcome = cluster.run()
        #expect(outcome.faults[.messagesMuted] > 0)
        #expect(outcome.holds, "\(outcome.violations)")
    }

    @Test
    func aMemberMissesTheSameViewsWhateverIsRepeated() {
        var options = ClusterOptions(nodes: 4, seed: 3)
        var faults = FaultProfile(members: 4)
        faults.mutedKinds = [.nullification]
        faults.mutedPercent = 50
        options.faults = faults
        let cluster = Cluster(options)
        let vote = VoteCertificate(
            network: cluster.genesis.network, vote: .nullify(height: Height(1), view: .first),
            signatures: QuorumSignatures([:], memberCount: 4))
        let message = ForgedMessage.votes(vote)
        for receiver in 0..<4 {
            let first = cluster.isMuted(message, to: receiver)
            #expect((0..<8).allSatisfy { _ in cluster.isMuted(message, to: receiver) == first })
        }
    }
}
