import Ledger

/// Members whose commitment left a round without enough contributions (agreement.md, "Suspects").
///
/// In memory only: after a restart a member is no suspect before its next failure.
struct Suspects {
    private struct Record {
        var failures = 0
        var failedAt: Height
        var suspectThrough: Height
    }

    /// For how many heights a member is a suspect at most, and for how many more its failures are remembered.
    static let heightsMaximum: UInt64 = 256

    private var records: [MemberID: Record] = [:]
    /// Members for which a round waited in vain.
    private var absences = FailureRecords(pauseMaximum: heightsMaximum)

    /// The member failed at this height: it is a suspect for twice as many heights as after the failure before.
    mutating func noteFailure(of member: MemberID, at height: Height) {
        records = records.filter { height.value < $0.value.suspectThrough.value + Suspects.heightsMaximum }
        var record = records[member] ?? Record(failedAt: height, suspectThrough: height)
        guard record.failures == 0 || record.failedAt < height else { return }
        record.failures = min(record.failures + 1, 63)
        record.failedAt = height
        record.suspectThrough = Height(height.value + min(Suspects.heightsMaximum, 1 << UInt64(record.failures)))
        records[member] = record
    }

    func contains(_ member: MemberID, at height: Height) -> Bool {
        records[member].map { height <= $0.suspectThrough } ?? false
    }

    /// Whether a round that rests on suspects waits for this member.
    func isWaitedFor(_ member: MemberID, at height: Height) -> Bool { !absences.isPaused(member, at: height) }

    /// A round waited for these members, who did not commit, and had enough without them.
    mutating func noteWaitedInVain(for members: [MemberID], at height: Height) {
        for member in members { absences.note(member, at: height) }
    }

    /// A round had too few contributions: members that were waited for in vain may be needed.
    mutating func forgetAbsences() { absences = FailureRecords(pauseMaximum: Suspects.heightsMaximum) }

    /// How long to wait in milliseconds for others than these suspects: twice as long with each failure of the one that
    /// failed most often.
    ///
    /// - Parameters:
    ///   - first: the wait after one failure, at most half of what is left: one failure makes no round last until its
    ///     deadline.
    ///   - left: what is left until the round's deadline.
    func waitMilliseconds(for suspects: [MemberID], first: UInt64, left: UInt64) -> UInt64 {
        let failures = suspects.map { records[$0]?.failures ?? 0 }.max() ?? 0
        return min(left, min(first, left / 2) << UInt64(min(max(0, failures - 1), 16)))
    }
}
