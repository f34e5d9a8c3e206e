import Gossip

/// A schedule that random search rarely finds, named after protocol.md "What was checked".
public enum Scenario: String, Sendable, CaseIterable {
    case allCrashAtOnceThenOneStaysSilent = "all-crash-then-one-silent"
    case crashAroundEveryBatch = "crash-around-every-batch"
    case votesReachOneMemberOnly = "votes-reach-one-member"
    case firstViewFails = "first-view-fails"
    case jumpsOverSeveralViews = "jumps-over-views"
    case trainersIdleForThousandsOfDeadlines = "idle-trainers"
    case laggingNodeReplays = "lagging-node-replays"
    case replayTakesLongerThanAView = "replay-longer-than-a-view"
    case twoDaemonsWithOneKey = "two-daemons-one-key"
    case copierIsFasterThanTheAuthor = "faster-copier"
    case sendersStopInTheMiddle = "sender-stops-midway"
    case authorIsTheOnlyTrainer = "one-trainer"
    case journalIsLost = "lost-journal"
    case backupIsRestored = "restored-backup"
    case equivocationIsProven = "equivocation-is-proven"
    case leaderProposesUnjustified = "unjustified-proposals"
    case leaderLeavesSlotsOut = "slots-left-out"
    case leaderListsUnavailable = "unavailable-entries"
    case farBehindNodeTakesParameters = "far-behind-takes-parameters"
    case crashesOnTheWayToParameters = "far-behind-crashes"
    case actionsConflict = "conflicting-actions"
    case actionIsWithdrawnAndSentAgain = "withdrawn-action"
    case usedActionComesBack = "replayed-action"
    case closedActionComesBack = "closed-action"
    case leaverHoldsTheCertificate = "leaver-holds-certificate"
    case shrinkingToThree = "shrinking-to-three"
    case holdersLeave = "holders-leave"
    case retiredKeyAndLaggingMember = "retired-key-lagging-member"
    case lossAcrossTwoChanges = "loss-across-two-changes"
    case everythingIsVetoed = "everything-vetoed"
    case vetoesComeBetweenVotes = "vetoes-between-votes"
    case replayedStateTakesOver = "replayed-state-takes-over"
    case piecesAreAskedForEarly = "early-requests"
    case answersAreNamedLate = "late-answers"
    case commitmentComesLate = "late-commitment"

    /// One world of a scenario.
    public struct Result: Sendable {
        public let name: String
        public let outcome: Outcome
        /// Whether the schedule really came about: one that did not proves nothing.
        public let cameAbout: Bool
    }

    /// - Parameters:
    ///   - sample: of the schedules that a scenario enumerates, run only every this many; 1 for all.
    ///   - print: see `World`.
    public func run(nodes: Int, sample: Int = 1, print: ((String) -> Void)? = nil) -> [Result] {
        precondition(nodes >= 4 && sample >= 1, "four members tolerate one fault")
        let stage = Stage(nodes: nodes, sample: sample, print: print)
        return switch self {
        case .allCrashAtOnceThenOneStaysSilent: stage.allCrashAtOnceThenOneStaysSilent()
        case .crashAroundEveryBatch: stage.crashAroundEveryBatch()
        case .votesReachOneMemberOnly: stage.votesReachOneMemberOnly()
        case .firstViewFails: stage.firstViewFails()
        case .jumpsOverSeveralViews: stage.jumpsOverSeveralViews()
        case .trainersIdleForThousandsOfDeadlines: stage.trainersIdleForThousandsOfDeadlines()
        case .laggingNodeReplays: stage.laggingNodeReplays()
        case .replayTakesLongerThanAView: stage.replayTakesLongerThanAView()
        case .twoDaemonsWithOneKey: stage.twoDaemonsWithOneKey()
        case .copierIsFasterThanTheAuthor: stage.copierIsFasterThanTheAuthor()
        case .sendersStopInTheMiddle: stage.sendersStopInTheMiddle()
        case .authorIsTheOnlyTrainer: stage.authorIsTheOnlyTrainer()
        case .journalIsLost: stage.journalIsLost()
        case .backupIsRestored: stage.backupIsRestored()
        case .equivocationIsProven: stage.equivocationIsProven()
        case .leaderProposesUnjustified: stage.leaderProposesUnjustified()
        case .leaderLeavesSlotsOut: stage.leaderLeavesSlotsOut()
        case .leaderListsUnavailable: stage.leaderListsUnavailable()
        case .farBehindNodeTakesParameters: stage.farBehindNodeTakesParameters()
        case .crashesOnTheWayToParameters: stage.crashesOnTheWayToParameters()
        case .actionsConflict: stage.actionsConflict()
        case .actionIsWithdrawnAndSentAgain: stage.actionIsWithdrawnAndSentAgain()
        case .usedActionComesBack: stage.usedActionComesBack()
        case .closedActionComesBack: stage.closedActionComesBack()
        case .leaverHoldsTheCertificate: stage.leaverHoldsTheCertificate()
        case .shrinkingToThree: stage.shrinkingToThree()
        case .holdersLeave: stage.holdersLeave()
        case .retiredKeyAndLaggingMember: stage.retiredKeyAndLaggingMember()
        case .lossAcrossTwoChanges: stage.lossAcrossTwoChanges()
        case .everythingIsVetoed: stage.everythingIsVetoed()
        case .vetoesComeBetweenVotes: stage.vetoesComeBetweenVotes()
        case .replayedStateTakesOver: stage.replayedStateTakesOver()
        case .piecesAreAskedForEarly: stage.piecesAreAskedForEarly()
        case .answersAreNamedLate: stage.answersAreNamedLate()
        case .commitmentComesLate: stage.commitmentComesLate()
        }
    }
}

/// What scenarios are staged with.
struct Stage {
    let nodes: Int
    let sample: Int
    let print: ((String) -> Void)?

    var faultBound: Int { (nodes - 1) / 3 }
    var quorum: Int { 2 * nodes / 3 + 1 }

    /// A quiet world that certifies `heights` versions.
    ///
    /// - Parameter guests: who is not of the first set and may be admitted, after all others.
    func options(
        seed: UInt64 = 1, heights: UInt64 = 4, guests: Int = 0, _ change: (inout FaultProfile) -> Void = { _ in }
    ) -> WorldOptions {
        var options = WorldOptions(nodes: nodes + guests, seed: seed)
        options.heights = heights
        var faults = FaultProfile(members: nodes + guests)
        for guest in nodes..<nodes + guests { faults.newcomers[guest] = true }
        faults.chaosMaximum = 60_000
        change(&faults)
        options.faults = faults
        return options
    }

    func world(_ options: WorldOptions) -> World { World(options, print: print) }
}
