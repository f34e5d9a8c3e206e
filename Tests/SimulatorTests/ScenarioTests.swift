import Testing

@testable import Simulator

/// The directed schedules; where one enumerates very many, a sample of them (`meshsim scenarios` runs all).
struct ScenarioTests {
    @Test(arguments: Scenario.allCases)
    func everyPromiseHoldsInThe(scenario: Scenario) {
        let results = scenario.run(nodes: 4, sample: 83)
        #expect(!results.isEmpty)
        for result in results {
            #expect(result.outcome.holds, "\(result.name): \(result.outcome.violations)")
            #expect(result.cameAbout, "\(result.name): the schedule did not come about")
        }
    }

    @Test(arguments: [
        Scenario.votesReachOneMemberOnly, .firstViewFails, .jumpsOverSeveralViews,
    ])
    func everyPromiseHoldsAmongSevenInThe(scenario: Scenario) {
        for result in scenario.run(nodes: 7) {
            #expect(result.outcome.holds, "\(result.name): \(result.outcome.violations)")
            #expect(result.cameAbout, "\(result.name): the schedule did not come about")
        }
    }

    /// A world without crashes may end before the last batch that it counts is reported.
    @Test(arguments: [4, 5, 7])
    func crashesAroundTheLastBatchesComeAbout(nodes: Int) {
        let stage = Stage(nodes: nodes, sample: 1, print: nil)
        for (member, count) in stage.batchCounts(stage.options()).enumerated() {
            for phase in CrashPoint.Phase.allCases {
                let result = stage.crash(at: CrashPoint(member: member, batch: count, phase: phase))
                #expect(result.outcome.holds, "\(result.name): \(result.outcome.violations)")
                #expect(result.cameAbout, "\(result.name): the schedule did not come about")
            }
        }
    }
}
