import Crypto

/// What goes wrong in a world, and how often. Drawn from the seed, or written down for a directed scenario.
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

    // Mean time between two faults of a kind, in milliseconds; nil for never.
    public var linkBreakInterval: UInt64?
    public var partitionInterval: UInt64?
    public var crashInterval: UInt64?
    public var partitionLengthMaximum: UInt64 = 3_000
    public var downMaximum: UInt64 = 3_000
    /// Of 100 crashes, how many take every site down at once.
    public var massCrashPercent: UInt64 = 0

    // The machines, times in microseconds.
    public var syncMaximum: UInt64 = 2_000
    public var validationMaximum: UInt64 = 5_000
    public var averagingMinimum: UInt64 = 500
    public var averagingMaximum: UInt64 = 20_000
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

    /// How long faults last at most, in milliseconds.
    public var chaosMaximum: UInt64 = 20_000
    /// One a member; nil for an honest one. At most f are not nil.
    public var byzantine: [ByzantineBehaviour?] = []
    /// Honest members that stay down after healing. Together with the Byzantine ones at most f.
    public var deadAfterHealing: [Bool] = []

    /// A quiet world of `members`: nothing fails and everybody trains.
    public init(members: Int) {
        absentTrainers = Array(repeating: false, count: members)
        byzantine = Array(repeating: nil, count: members)
        deadAfterHealing = Array(repeating: false, count: members)
    }

    /// The faults of a seed.
    static func drawn(members: Int, random: inout SeededRandom) -> FaultProfile {
        var profile = FaultProfile(members: members)
        profile.drawNetwork(&random)
        profile.drawMachines(&random)
        profile.drawMembers(members, &random)
        return profile
    }

    private mutating func drawNetwork(_ random: inout SeededRandom) {
        delayMinimum = random.draw(100...2_000)
        delayMaximum = delayMinimum + random.skewed(500...100_000)
        slowPairPercent = random.chance(30) ? random.draw(5...40) : 0
        isOrdered = random.chance(50)
        lossPercent = random.chance(50) ? random.skewed(1...30) : 0
        duplicationPercent = random.chance(40) ? random.skewed(1...50) : 0
        linkBreakInterval = random.chance(40) ? random.draw(200...4_000) : nil
        partitionInterval = random.chance(50) ? random.draw(500...8_000) : nil
        partitionLengthMaximum = random.skewed(200...10_000)
    }

    private mutating func drawMachines(_ random: inout SeededRandom) {
        crashInterval = random.chance(60) ? random.draw(150...6_000) : nil
        downMaximum = random.skewed(50...8_000)
        massCrashPercent = random.chance(30) ? random.draw(5...50) : 0
        syncMaximum = random.skewed(200...100_000)
        validationMaximum = random.skewed(500...200_000)
        averagingMaximum = random.skewed(1_000...1_500_000)
        jobFailurePercent = random.chance(20) ? random.draw(1...10) : 0
        timerLatenessMaximum = random.skewed(0...50_000)
        chaosMaximum = random.draw(5_000...25_000)
    }

    private mutating func drawMembers(_ members: Int, _ random: inout SeededRandom) {
        trainingMinimum = random.draw(10...200)
        trainingMaximum = trainingMinimum + random.skewed(10...6_000)
        piecesMaximum = Int(random.draw(1...6))
        badPayloadPercent = random.chance(50) ? 50 : 0
        let faultBound = (members - 1) / 3
        let faulty = random.chance(75) ? random.draw(below: faultBound + 1) + (random.chance(50) ? 1 : 0) : 0
        var order = Array(0..<members)
        for index in order.indices.dropLast() { order.swapAt(index, index + random.draw(below: members - index)) }
        for member in order.prefix(min(faulty, faultBound)) {
            if random.chance(80) {
                byzantine[member] = random.pick(ByzantineBehaviour.allCases)
            } else {
                deadAfterHealing[member] = true
            }
        }
        // One honest trainer that lives is always there: without any, nothing is to be certified.
        for member in order.dropLast() where random.chance(15) { absentTrainers[member] = true }
    }
}

/// How many faults of each kind were injected.
public struct FaultCounts: Sendable, Equatable {
    public static let kinds = [
        "messages-lost", "messages-duplicated", "links-broken", "partitions", "crashes", "crashes-mid-turn",
        "crashes-before-sync", "crashes-after-sync", "mass-crashes", "batches-lost", "job-failures", "pieces-corrupted",
        "messages-mutated", "byzantine-members", "dead-members",
    ]

    private var counts: [String: UInt64] = [:]

    public init() {}

    mutating func add(_ kind: String, _ count: UInt64 = 1) {
        assert(FaultCounts.kinds.contains(kind))
        counts[kind, default: 0] += count
    }

    public mutating func add(_ other: FaultCounts) {
        for kind in FaultCounts.kinds { counts[kind, default: 0] += other[kind] }
    }

    public subscript(kind: String) -> UInt64 { counts[kind] ?? 0 }
}
