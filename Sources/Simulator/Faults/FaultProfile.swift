/// What goes wrong in a cluster, and how often. Drawn from the seed, or written down for a directed scenario.
public struct FaultProfile: Sendable {
    // The network, times in microseconds.
    public var delayMinimum: UInt64 = 500
    public var delayMaximum: UInt64 = 5_000
    /// Of 100 directed pairs, how many have ten times the delay.
    public var slowPairPercent: UInt64 = 0
    /// Messages of a link arrive in the order in which they were sent.
    public var isOrdered = true
    public var lossPercent: UInt64 = 0
    public var duplicationPercent: UInt64 = 0

    /// Of 100 views, in how many a member misses every message of these kinds.
    public var mutedPercent: UInt64 = 0
    public var mutedKinds: [MutedKind] = []

    // Mean time between two faults of a kind, in milliseconds; nil for never.
    public var linkBreakInterval: UInt64?
    public var partitionInterval: UInt64?
    public var crashInterval: UInt64?
    public var clogInterval: UInt64?
    public var clockInterval: UInt64?
    public var diskFullInterval: UInt64?
    public var partitionLengthMaximum: UInt64 = 3_000
    public var clogLengthMaximum: UInt64 = 2_000
    /// How far a clock leaps at most, and how long a pause, a stall or a full disk lasts at most.
    public var clockLeapMaximum: UInt64 = 60_000
    public var pauseMaximum: UInt64 = 3_000
    public var diskFullMaximum: UInt64 = 5_000
    public var downMaximum: UInt64 = 3_000
    /// Of 100 crashes, how many take every site down at once.
    public var massCrashPercent: UInt64 = 0

    // The machines, times in microseconds.
    public var syncMaximum: UInt64 = 2_000
    public var validationMaximum: UInt64 = 5_000
    public var averagingMinimum: UInt64 = 500
    public var averagingMaximum: UInt64 = 20_000
    /// Of 100 crashes, how many leave some of the batches that were not reported on the disk all the same.
    public var keptBatchesPercent: UInt64 = 0
    /// Of 100 jobs of the machine, how many fail for no fault of the contribution.
    public var jobFailurePercent: UInt64 = 0
    /// How late a timer may fire.
    public var timerLatenessMaximum: UInt64 = 1_000

    // The trainers, times in milliseconds.
    public var trainingMinimum: UInt64 = 50
    public var trainingMaximum: UInt64 = 300
    /// One flag a member; an absent trainer hands over nothing.
    public var absentTrainers: [Bool] = []
    public var piecesMaximum = 6
    /// Of 100 contributions of a Byzantine member, how many fail validation.
    public var badPayloadPercent: UInt64 = 0
    /// Of how many tokens a Byzantine member's contribution says that it was made.
    public var claimedTokens: UInt64 = 1_000

    // The operators, times in milliseconds.
    /// Mean time between two governance actions that somebody proposes; nil for never.
    public var proposalInterval: UInt64?
    /// Mean time between two contributions that some operators veto or approve; nil for never.
    public var reviewInterval: UInt64?
    /// Who is not of the first member set and may be admitted, one flag a member.
    public var newcomers: [Bool] = []

    /// How long faults last at most, in milliseconds.
    public var chaosMaximum: UInt64 = 20_000
    /// One list a member; empty for an honest one. At most f are not empty.
    public var byzantine: [[ByzantineBehaviour]] = []
    /// Honest members that stay down after healing. Together with the Byzantine ones at most f.
    public var deadAfterHealing: [Bool] = []
    /// Honest members whose journals are lost or rolled back now and then. Together with those above at most f.
    public var losesJournal: [Bool] = []
    /// Mean time between two such faults, in milliseconds; nil for never.
    public var lossInterval: UInt64?

    /// A quiet cluster of `members`: nothing fails and everybody trains.
    public init(members: Int) {
        absentTrainers = Array(repeating: false, count: members)
        byzantine = Array(repeating: [], count: members)
        deadAfterHealing = Array(repeating: false, count: members)
        losesJournal = Array(repeating: false, count: members)
        newcomers = Array(repeating: false, count: members)
    }

    /// The members of the first set.
    var founders: [Int] { newcomers.indices.filter { !newcomers[$0] } }

    /// Those of `members` that are honest, live and train.
    func trainers(_ members: [Int]) -> Set<Int> {
        Set(members.filter { !isFaulty($0) && !absentTrainers[$0] })
    }

    /// Who must be counted among the f that a set of members tolerates.
    func isFaulty(_ member: Int) -> Bool {
        !byzantine[member].isEmpty || deadAfterHealing[member] || losesJournal[member]
    }
}
