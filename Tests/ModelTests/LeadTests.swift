import Testing

@testable import Model

@Suite("Steps beyond a hand-over")
struct LeadTests {
    private func rebased(_ lead: Lead, _ current: [Float], on base: [Float]) -> [Float] {
        var current = current
        return current.withUnsafeMutableBufferPointer { lead.rebased($0, on: base) }
    }

    @Test func progressIsAddedToTheNewBaseOnce() {
        var lead = Lead(start: [1, 2, -4])
        lead.add(loss: 2.5)
        lead.add(loss: nil)
        lead.add(loss: 1.5)
        #expect(lead.steps == 3)
        #expect(lead.skippedSteps == 1)
        #expect(lead.loss == 4)
        #expect(rebased(lead, [1.5, 2, -5], on: [10, 20, 30]) == [10.5, 20, 29])
    }

    @Test(
        "What goes beyond one round of steps ahead is matched by steps on the new base, up to a round",
        arguments: [(0, 0), (14, 0), (15, 0), (16, 1), (22, 7), (30, 15), (31, 15), (240, 15)])
    func stepsOnBase(ahead: Int, expected: Int) {
        #expect(Lead.stepsOnBase(after: ahead, innerSteps: 15) == expected)
        var lead = Lead(start: [])
        for _ in 0..<ahead { lead.add(loss: 1) }
        #expect(lead.stepsOnBase(innerSteps: 15) == expected)
        // Waiting longer would make a late contribution later.
        #expect(Lead(lateFrom: [], steps: ahead, skippedSteps: 0, loss: 1).stepsOnBase(innerSteps: 15) == 0)
    }

    @Test func withoutStepsTheNewBaseStaysAsItIs() {
        let lead = Lead(start: [0.1, 1e30, -3])
        #expect(rebased(lead, [0.1, 1e30, -3], on: [5, 6, 7]) == [5, 6, 7])
    }
}
