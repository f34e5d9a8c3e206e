import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// What is promised holds in every drill, and every drill can fail: with enough colluders its attack succeeds.
struct DrillTests {
    @Test(arguments: Drill.allCases)
    func whatIsPromisedHoldsAndEnoughColludersBreakIt(drill: Drill) {
        let rows = drill.run(members: 4, clusters: 1)
        for row in rows {
            #expect(row.isAsPromised, "\(row.colluders) colluders: \(row.attack): \(row.outcome)")
        }
        #expect(rows.contains { $0.isPromised && $0.isKept }, "something is promised")
        #expect(rows.contains { !$0.isKept && $0.isTried }, "\(rows.map(\.outcome))")
        // Everything is tried with as many colluders as the promise holds against, and with one more.
        for colluders in 1...2 { #expect(rows.contains { $0.colluders == colluders }) }
    }

    /// Where f + 1 are no quorum with half of the others, the drill goes on until it finds how many are.
    @Test func theNumberThatForksAMeshOfFiveIsFound() {
        let rows = Drill.rewrite.run(members: 5, clusters: 1)
        #expect(rows.map(\.colluders) == [1, 2, 3])
        #expect(rows.map(\.isKept) == [true, true, false])
    }

    @Test func aMeshThatWeighsByTokensIsJudgedByItsRules() {
        var options = ClusterOptions(nodes: 4, seed: 3)
        options.weights = .tokens
        options.nodeWeightMaximumQ30 = Rules.oneQ30 / 2
        let cluster = Cluster(options)
        let outcome = cluster.run()
        #expect(outcome.holds, "\(outcome.violations)")
        #expect(cluster.genesis.rules.weights == .tokens)
    }
}
