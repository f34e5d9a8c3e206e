import Rounds
import Testing

@testable import MeshNode

@Suite struct TrainingReportTests {
    private static let samples: [(Double?, UInt64?)] = [
        (nil, nil), (2.345678, 235), (0.0049, 0), (-3, 0), (1e9, 1_000_000), (-1e9, 0), (9.999, 1000),
    ]

    @Test(arguments: samples)
    func aLossThatATrainerHandsOver_isKeptTo001(loss: Double?, centinats: UInt64?) {
        #expect(TrainingReport.centinats(loss) == centinats)
    }
}
