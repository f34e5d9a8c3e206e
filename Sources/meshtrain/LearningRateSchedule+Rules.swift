import Control
import Model

extension LearningRateSchedule {
    /// The schedule that the rules prescribe.
    ///
    /// - Throws: `ControlClientError.unexpected` where the daemon names numbers that no rules have.
    init(_ schedule: InnerSchedule) throws {
        guard (1...1 << 40).contains(schedule.scheduleSteps), (0...1 << 40).contains(schedule.warmupSteps),
            (1...1_000_000_000).contains(schedule.learningRateNano)
        else { throw ControlClientError.unexpected("a schedule that is out of range: \(schedule)") }
        self.init(
            peak: Double(schedule.learningRateNano) * 1e-9,
            warmUpSteps: Int(min(schedule.warmupSteps, schedule.scheduleSteps)),
            horizonSteps: Int(schedule.scheduleSteps))
    }
}
