/// What is wrong with this site's disk, for `status`: troubles that last and damages that were found.
struct DiskHealth {
    /// Why commits fail; nil in good times.
    var commitFailure: StoreError?
    /// Damaged places, each once, oldest first.
    private(set) var damages: [StoreError] = []
    /// The last failed write of another file; cleared by the next that succeeds.
    var writeFailure: StoreError?

    static let damagesMaximum = 64

    /// Notes what a job met. True where it is new.
    mutating func note(_ error: StoreError) -> Bool {
        guard !error.isDiskUnavailable else {
            defer { writeFailure = error }
            return writeFailure != error
        }
        guard !damages.contains(error) else { return false }
        damages.append(error)
        if damages.count > DiskHealth.damagesMaximum { damages.removeFirst() }
        return true
    }
}
