import Ledger

/// Members that did not deliver what was asked of them, and until which height less is expected of them: twice as many
/// heights with each failure. A record outlives links, so a new link changes nothing.
struct FailureRecords {
    private struct Record {
        var failures = 0
        var until: Height = .genesis
    }

    /// The longest pause, in heights.
    let pauseMaximum: UInt64
    private var records: [MemberID: Record] = [:]

    init(pauseMaximum: UInt64) { self.pauseMaximum = pauseMaximum }

    /// All failures during one pause count once.
    mutating func note(_ member: MemberID, at height: Height) {
        records = records.filter { height.value < $0.value.until.value + pauseMaximum }
        var record = records[member] ?? Record()
        guard record.until <= height else { return }
        record.failures = min(record.failures + 1, 63)
        record.until = Height(height.value + min(pauseMaximum, 1 << UInt64(record.failures)))
        records[member] = record
    }

    func isPaused(_ member: MemberID, at height: Height) -> Bool { records[member].map { height < $0.until } ?? false }
}
