import Simulator
import Testing

/// Members that are merely switched off must not slow the others down for longer than their own views.
@Suite struct PaceTests {
    @Test(arguments: [4, 7])
    func withMembersDown_aVersionTakesAtMostThreeTimesAsLongAndOneTimerPerDeadLeader(nodes: Int) {
        let pace = Pace(nodes: nodes, down: (nodes - 1) / 3, versions: 24, seed: 3)
        #expect(pace.violations.isEmpty, "\(pace.violations)")
        #expect(pace.deadLeaders > 0)
        #expect(pace.failedViews == pace.deadLeaders)
        #expect(
            pace.downMilliseconds <= pace.limitMilliseconds,
            "\(pace.downMilliseconds) ms per version, \(pace.upMilliseconds) with all up")
    }
}
