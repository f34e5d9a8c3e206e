import Ledger
import Link

/// An answer to a start, and when it was made. It serves for a while: a question comes over many links.
struct GivenReport {
    let report: StartReport
    /// The message that carries it, signed.
    let message: [UInt8]
    let made: Instant
}

/// Whether this node may sign, and what others said about it since its start.
struct RecoveryState {
    /// This life.
    let instance: InstanceID
    /// Enough others have answered since this start.
    var isOpen = false
    /// The journal was lost, and how far this node may have signed is not known yet.
    var isLost = false
    /// `abstainsUntil` is known and on its way to the disk.
    var isFixing = false
    /// Nothing is signed up to this height.
    var abstainsUntil: Height?
    /// Whether `abstainsUntil` belongs to a loss that this life dealt with or found under way: whatever was signed above
    /// it, and not here, was signed by another daemon.
    var isFixedInThisLife = false
    /// The last answer of each member to this start's question.
    var answers: [MemberID: StartReport] = [:]
    /// Handed over before this node may sign.
    var waiting: [Contribution] = []
    /// What this node last answered to each other member's start.
    var given: [MemberID: GivenReport] = [:]
    /// What each other member's links showed.
    var instances: [MemberID: InstanceLog] = [:]

    /// The shell hands over one at a time; more than a few are none of its.
    static let waitingMaximum = 16

    init(instance: InstanceID) { self.instance = instance }

    func isAbstaining(at chainHeight: Height) -> Bool {
        isLost || abstainsUntil.map { $0 > chainHeight } ?? false
    }
}
