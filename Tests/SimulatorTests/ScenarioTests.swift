import Crypto
import Foundation
import System
import Testing

@testable import Simulator

/// The directed schedules; of those that one scenario enumerates by the hundred, a sample (`meshsim scenarios` runs
/// all).
///
/// Traces/scenarios.txt has the digest of each scenario's traces. A change that must not change behaviour must not
/// change one; Docs/simulator.md, "Recorded traces", says how to record them again.
struct ScenarioTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Traces/scenarios.txt")
    private static let recording = Guarded(())

    private func check(_ results: [Scenario.Result], of scenario: Scenario) throws {
        let digest = Digest(DigestDomain("test/traces"), results.flatMap(\.outcome.traceDigest.bytes))
        let line = "\(scenario.rawValue) \(digest)"
        if ProcessInfo.processInfo.environment["MESH_RECORD_TRACES"] == "1" {
            try Self.recording.withLock { _ in
                let others = ((try? recordedLines()) ?? []).filter { !$0.hasPrefix(scenario.rawValue + " ") }
                let text = (others + [line]).sorted().joined(separator: "\n") + "\n"
                try text.write(to: Self.file, atomically: true, encoding: .utf8)
            }
        }
        #expect(
            try recordedLines().contains(line), "the trace of \(scenario.rawValue) is not the recorded one: \(line)")
    }

    private func recordedLines() throws -> [String] {
        try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test(arguments: Scenario.allCases)
    func everyPromiseHoldsInThe(scenario: Scenario) throws {
        let results = scenario.run(nodes: 4, sample: 83)
        try check(results, of: scenario)
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

    /// A cluster without crashes may end before the last batch that it counts is reported.
    @Test(arguments: [4, 5, 7])
    func crashesAroundTheLastBatchesComeAbout(nodes: Int) {
        let runner = ScenarioRunner(nodes: nodes, sample: 1, print: nil)
        for (member, count) in runner.batchCounts(runner.options()).enumerated() {
            for phase in CrashPoint.Phase.allCases {
                let result = runner.crash(at: CrashPoint(member: member, batch: count, phase: phase))
                #expect(result.outcome.holds, "\(result.name): \(result.outcome.violations)")
                #expect(result.cameAbout, "\(result.name): the schedule did not come about")
            }
        }
    }
}
