/// A fault that strikes again and again while a cluster is not healed. One case a fault; `Cluster.strike` leads to what
/// it does, its interval stands in the profile.
enum RandomFault: CaseIterable {
    case crash
    case linkBreak
    case partition
    case clog
    case clock
    case fullDisk
    /// Operators agree on a change of members, keys, rules or history.
    case proposal
    /// Operators veto or approve of a contribution.
    case review

    /// Mean time between two, in milliseconds; nil for never.
    func interval(in profile: FaultProfile) -> UInt64? {
        switch self {
        case .crash: profile.crashInterval
        case .linkBreak: profile.linkBreakInterval
        case .partition: profile.partitionInterval
        case .clog: profile.clogInterval
        case .clock: profile.clockInterval
        case .fullDisk: profile.diskFullInterval
        case .proposal: profile.proposalInterval
        case .review: profile.reviewInterval
        }
    }
}

extension Cluster {
    func planFaults() {
        for fault in RandomFault.allCases { planNext(fault) }
        planLosses()
    }

    private func planNext(_ fault: RandomFault) {
        guard let interval = fault.interval(in: faults) else { return }
        queue.push(.fault(fault), at: now + 1_000 * faultRandom.draw(1...2 * interval))
    }

    func strike(_ fault: RandomFault) {
        guard !isHealed else { return }
        planNext(fault)
        switch fault {
        case .crash: randomCrash()
        case .linkBreak: randomBreak()
        case .partition: randomPartition()
        case .clog: randomClog()
        case .clock: randomClock()
        case .fullDisk: randomFullDisk()
        case .proposal: randomProposal()
        case .review: randomReview()
        }
    }
}
