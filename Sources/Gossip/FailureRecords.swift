import Ledger

/// Members that did not deliver what was asked of them, and through which height less is expected of them: for twice as
/// many heights with each failure. A record outlives links, so a new link changes nothing.
struct FailureRecords {
    private struct Record {
        var failures = 0
        var failedAt: Height
        var pausedThrough: Height
    }

    /// The longest pause, in heights.
    let pauseMaximum: UInt64
    private var records: [MemberID: Record] = [:]

    init(pauseMaximum: UInt64) { self.pauseMaximum = pauseMaximum }

    /// The member failed at this height, from which its pause begins anew. All failures of a height count once.
    mutating func note(_ member: MemberID, at height: Height) {
        records = records.filter { height.value < $0.value.pausedThrough.value + pauseMaximum }
        var record = records[member] ?? Record(failedAt: height, pausedThrough: height)
        guard record.failures == 0 || record.failedAt < height else { return }
        record.failures = min(record.failures + 1, 63)
        record.failedAt = height
        record.pausedThrough = Height(height.value + min(pauseMaximum, 1 << UInt64(record.failures)))
        records[member] = record
    }

    func isPaused(_ member: MemberID, at height: Height) -> Bool {
        records[member].map { height <= $0.pausedThrough } ?? false
    }

    /// How often the member failed, as far as that is remembered: for as many heights after a pause as the longest lasts.
    func failures(of member: MemberID) -> Int { records[member]?.failures ?? 0 }
}
