import Ledger

/// Whose commitments may bring no contribution, and for whom a round that rests on such commitments waits
/// (agreement.md, "Suspects").
///
/// In memory only: after a restart a member is no suspect before its next failure.
struct Suspects {
    /// Members whose payload was not available in time.
    private var failures = FailureRecords(pauseMaximum: 256)
    /// Members for which a round waited in vain.
    private var absences = FailureRecords(pauseMaximum: 256)

    func contains(_ member: MemberID, at height: Height) -> Bool { failures.isPaused(member, at: height) }

    mutating func noteFailure(of member: MemberID, at height: Height) { failures.note(member, at: height) }

    /// Whether a round that rests on suspects waits for this member.
    func isWaitedFor(_ member: MemberID, at height: Height) -> Bool { !absences.isPaused(member, at: height) }

    mutating func noteAbsence(of member: MemberID, at height: Height) { absences.note(member, at: height) }

    /// A round had too few contributions without those for which it did not wait.
    mutating func forgetAbsences() { absences = FailureRecords(pauseMaximum: absences.pauseMaximum) }

    /// How long to wait in milliseconds, for suspects of which one failed twice as long as for one that failed once less.
    ///
    /// - Parameters:
    ///   - first: the wait after one failure, at most half of what is left: one failure makes no round last until its
    ///     deadline.
    ///   - left: what is left until the round's deadline.
    func waitMilliseconds(for suspects: some Sequence<MemberID>, first: UInt64, left: UInt64) -> UInt64 {
        let doublings = suspects.map { failures.failures(of: $0) }.max().map { min(max(0, $0 - 1), 16) } ?? 0
        return min(left, min(first, left / 2) << UInt64(doublings))
    }
}
