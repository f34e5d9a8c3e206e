import Simulator
import Testing

/// Seeds in the debug build; the release build runs thousands of them.
struct WorldTests {
    @Test(arguments: [4, 5, 7], [UInt64(0), 1])
    func aSeedHoldsEveryPromise(nodes: Int, seed: UInt64) {
        let outcome = World(WorldOptions(nodes: nodes, seed: 500 + seed)).run()
        #expect(outcome.holds, "\(outcome.violations) in seed \(outcome.seed) of \(nodes)")
        #expect(outcome.heights >= 2)
    }

    @Test func aSeedIsTheSameWorldTwice() {
        let outcomes = (0..<2).map { _ in World(WorldOptions(nodes: 4, seed: 17)).run() }
        #expect(outcomes[0].traceDigest == outcomes[1].traceDigest)
        #expect(outcomes[0].measures == outcomes[1].measures)
        #expect(outcomes[0].faults == outcomes[1].faults)
    }

    @Test func anotherSeedIsAnotherWorld() {
        let digests = [UInt64(17), 18].map { World(WorldOptions(nodes: 4, seed: $0)).run().traceDigest }
        #expect(digests[0] != digests[1])
    }

    @Test func aQuietWorldNeedsOneViewAVersion() {
        var options = WorldOptions(nodes: 4, seed: 1)
        options.faults = FaultProfile(members: 4)
        let outcome = World(options).run()
        #expect(outcome.holds, "\(outcome.violations)")
        #expect(outcome.measures.viewMaximum == 1)
        #expect(outcome.faults == FaultCounts())
        #expect(outcome.measures.pieces > 0)
    }

    @Test func seedsInjectEveryKindOfFault() {
        var totals = Totals()
        var lacking = Set(FaultKind.allCases)
        var seed: UInt64 = 0
        while !lacking.isEmpty, seed < 200 {
            // Of four founders nobody can come later; of five, one.
            var options = WorldOptions(nodes: 4 + Int(seed % 2), seed: seed)
            options.heights = 4
            totals.add(World(options).run())
            lacking = lacking.filter { totals.faults[$0] == 0 }
            seed += 1
        }
        #expect(totals.failures.isEmpty)
        #expect(lacking.isEmpty, "in \(seed) seeds")
    }
}
