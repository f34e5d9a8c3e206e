/// Something that a cluster does to its members. One case a fault: its name is what the totals print.
public enum FaultKind: String, Sendable, CaseIterable {
    // The network.
    case messagesLost = "messages-lost"
    case messagesDuplicated = "messages-duplicated"
    case linksBroken = "links-broken"
    /// The members in two halves that hear nothing of each other.
    case partitions
    /// One half hears the other and is not heard.
    case partitionsOneWay = "partitions-one-way"
    case isolations
    case isolationsOneWay = "isolations-one-way"
    /// A link that carries nothing for a while, and then all of it at once.
    case clogs
    /// Lost because its kind does not reach a member in a view.
    case messagesMuted = "messages-muted"
    // The machines.
    case crashes
    case crashesMidTurn = "crashes-mid-turn"
    case crashesBeforeSync = "crashes-before-sync"
    case crashesAfterSync = "crashes-after-sync"
    case massCrashes = "mass-crashes"
    case batchesLost = "batches-lost"
    /// Written by a crashing machine, and never reported.
    case batchesKeptUnreported = "batches-kept-unreported"
    case piecesTorn = "pieces-torn"
    case disksFull = "disks-full"
    case writesRefused = "writes-refused"
    case jobFailures = "job-failures"
    /// An averaging that takes longer than the first view.
    case slowAveragings = "slow-averagings"
    case clockLeaps = "clock-leaps"
    case clockPauses = "clock-pauses"
    /// A process that gets no turn for a while.
    case stalls
    // The members.
    case byzantineMembers = "byzantine-members"
    case deadMembers = "dead-members"
    case journalsLost = "journals-lost"
    case journalsRolledBack = "journals-rolled-back"
    // Governance: what operators proposed, and what versions carried of it.
    case proposals
    case admissions
    case removals
    case rotations
    case rulesChanged = "rules-changed"
    case reverts
    case switches
    case reviews
    /// Signatures that operators took back, and rejections.
    case verdicts
}

/// How many faults of each kind were injected, and how often each Byzantine behaviour acted.
public struct FaultCounts: Sendable, Equatable {
    private var faults: [FaultKind: UInt64] = [:]
    private var acts: [ByzantineBehaviour: UInt64] = [:]

    public init() {}

    mutating func add(_ kind: FaultKind, _ count: UInt64 = 1) {
        if count > 0 { faults[kind, default: 0] += count }
    }

    mutating func add(_ behaviour: ByzantineBehaviour, _ count: UInt64 = 1) { acts[behaviour, default: 0] += count }

    public mutating func add(_ other: FaultCounts) {
        for (kind, count) in other.faults { faults[kind, default: 0] += count }
        for (behaviour, count) in other.acts { acts[behaviour, default: 0] += count }
    }

    public subscript(kind: FaultKind) -> UInt64 { faults[kind] ?? 0 }
    public subscript(behaviour: ByzantineBehaviour) -> UInt64 { acts[behaviour] ?? 0 }

    /// Every kind and every behaviour by name, in a fixed order, those that never occurred included.
    public var named: [(name: String, count: UInt64)] {
        FaultKind.allCases.map { ($0.rawValue, self[$0]) }
            + ByzantineBehaviour.allCases.map { ("byzantine: \($0.rawValue)", self[$0]) }
    }
}
