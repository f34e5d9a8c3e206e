import Simulator
import Testing

/// Seeds in the debug build; the release build runs thousands of them.
struct ClusterTests {
    @Test(arguments: [4, 5, 7], [UInt64(0), 1])
    func aSeedHoldsEveryPromise(nodes: Int, seed: UInt64) {
        let outcome = Cluster(ClusterOptions(nodes: nodes, seed: 500 + seed)).run()
        #expect(outcome.holds, "\(outcome.violations) in seed \(outcome.seed) of \(nodes)")
        #expect(outcome.heights >= 2)
    }

    @Test func aSeedIsTheSameWorldTwice() {
        let outcomes = (0..<2).map { _ in Cluster(ClusterOptions(nodes: 4, seed: 17)).run() }
        #expect(outcomes[0].traceDigest == outcomes[1].traceDigest)
        #expect(outcomes[0].measures == outcomes[1].measures)
        #expect(outcomes[0].faults == outcomes[1].faults)
    }

    @Test func anotherSeedIsAnotherWorld() {
        let digests = [UInt64(17), 18].map { Cluster(ClusterOptions(nodes: 4, seed: $0)).run().traceDigest }
        #expect(digests[0] != digests[1])
    }

    @Test func aQuietWorldNeedsOneViewAVersion() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        options.faults = FaultProfile(members: 4)
        let outcome = Cluster(options).run()
        #expect(outcome.holds, "\(outcome.violations)")
        #expect(outcome.measures.viewMaximum == 1)
        #expect(outcome.faults == FaultCounts())
        #expect(outcome.measures.pieces > 0)
    }

    /// In clusters of the swarm in which one member does this alone.
    @Test(arguments: ByzantineBehaviour.allCases)
    func everyByzantineBehaviourHasAnEffect(behaviour: ByzantineBehaviour) {
        var totals = Totals()
        for seed in stride(from: UInt64(1), to: 40, by: 2) where totals.faults[behaviour] == 0 {
            var options = ClusterOptions(nodes: 4, seed: seed)
            var faults = Cluster(options).faults
            faults.byzantine = Array(repeating: [], count: 4)
            faults.byzantine[0] = [behaviour]
            faults.deadAfterHealing = Array(repeating: false, count: 4)
            faults.losesJournal = faults.deadAfterHealing
            faults.lossInterval = nil
            faults.absentTrainers[0] = false
            options.faults = faults
            totals.add(Cluster(options).run())
        }
        #expect(totals.failures.isEmpty)
        #expect(totals.faults[behaviour] > 0)
    }

    /// There a member overclaims while another adopts a version, and crashes after it synced headers.
    @Test func anOverclaimLeavesNothingUnreadableOnADisk() {
        var options = ClusterOptions(nodes: 5, seed: 277)
        var faults = Cluster(options).faults
        for member in 0..<5 where !faults.byzantine[member].isEmpty { faults.byzantine[member] = [.overclaims] }
        options.faults = faults
        let outcome = Cluster(options).run()
        #expect(outcome.faults[.overclaims] > 0)
        #expect(outcome.holds, "\(outcome.violations)")
    }

    @Test func seedsInjectEveryKindOfFault() {
        var totals = Totals()
        var lacking = Set(FaultKind.allCases)
        var seed: UInt64 = 0
        while !lacking.isEmpty, seed < 200 {
            // Of four founders nobody can come later; of five, one.
            var options = ClusterOptions(nodes: 4 + Int(seed % 2), seed: seed)
            options.heights = 4
            totals.add(Cluster(options).run())
            lacking = lacking.filter { totals.faults[$0] == 0 }
            seed += 1
        }
        #expect(totals.failures.isEmpty)
        #expect(lacking.isEmpty, "in \(seed) seeds")
    }
}
