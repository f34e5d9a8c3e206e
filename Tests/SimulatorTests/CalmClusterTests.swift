import Simulator
import Testing

@Suite struct CalmClusterTests {
    @Test func everybodyAdoptsEveryVersionInTheFirstView() {
        let outcome = Cluster(.calm(nodes: 10, contributors: 3, seed: 1)).run(versions: 2)
        #expect(outcome.holds, "\(outcome.violations)")
        #expect(outcome.heights >= 2)
        #expect(outcome.measures.viewMaximum == 1)
    }
}
