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

    /// One cluster of a scenario.
    public struct Result: Sendable {
        public let name: String
        public let outcome: Outcome
        /// Whether the schedule really came about: one that did not proves nothing.
        public let cameAbout: Bool
    }

    /// - Parameters:
    ///   - sample: of the schedules that a scenario enumerates, run only every this many; 1 for all.
    ///   - print: see `Cluster`.
    public func run(nodes: Int, sample: Int = 1, print: ((String) -> Void)? = nil) -> [Result] {
        precondition(nodes >= 4 && sample >= 1, "four members tolerate one fault")
        let runner = ScenarioRunner(nodes: nodes, sample: sample, print: print)
        return switch self {
        case .allCrashAtOnceThenOneStaysSilent: runner.allCrashAtOnceThenOneStaysSilent()
        case .crashAroundEveryBatch: runner.crashAroundEveryBatch()
        case .votesReachOneMemberOnly: runner.votesReachOneMemberOnly()
        case .firstViewFails: runner.firstViewFails()
        case .jumpsOverSeveralViews: runner.jumpsOverSeveralViews()
        case .trainersIdleForThousandsOfDeadlines: runner.trainersIdleForThousandsOfDeadlines()
        case .laggingNodeReplays: runner.laggingNodeReplays()
        case .replayTakesLongerThanAView: runner.replayTakesLongerThanAView()
        case .twoDaemonsWithOneKey: runner.twoDaemonsWithOneKey()
        case .copierIsFasterThanTheAuthor: runner.copierIsFasterThanTheAuthor()
        case .sendersStopInTheMiddle: runner.sendersStopInTheMiddle()
        case .authorIsTheOnlyTrainer: runner.authorIsTheOnlyTrainer()
        case .journalIsLost: runner.journalIsLost()
        case .backupIsRestored: runner.backupIsRestored()
        case .equivocationIsProven: runner.equivocationIsProven()
        case .leaderProposesUnjustified: runner.leaderProposesUnjustified()
        case .leaderLeavesSlotsOut: runner.leaderLeavesSlotsOut()
        case .leaderListsUnavailable: runner.leaderListsUnavailable()
        case .farBehindNodeTakesParameters: runner.farBehindNodeTakesParameters()
        case .crashesOnTheWayToParameters: runner.crashesOnTheWayToParameters()
        case .actionsConflict: runner.actionsConflict()
        case .actionIsWithdrawnAndSentAgain: runner.actionIsWithdrawnAndSentAgain()
        case .usedActionComesBack: runner.usedActionComesBack()
        case .closedActionComesBack: runner.closedActionComesBack()
        case .leaverHoldsTheCertificate: runner.leaverHoldsTheCertificate()
        case .shrinkingToThree: runner.shrinkingToThree()
        case .holdersLeave: runner.holdersLeave()
        case .retiredKeyAndLaggingMember: runner.retiredKeyAndLaggingMember()
        case .lossAcrossTwoChanges: runner.lossAcrossTwoChanges()
        case .everythingIsVetoed: runner.everythingIsVetoed()
        case .vetoesComeBetweenVotes: runner.vetoesComeBetweenVotes()
        case .replayedStateTakesOver: runner.replayedStateTakesOver()
        case .piecesAreAskedForEarly: runner.piecesAreAskedForEarly()
        case .answersAreNamedLate: runner.answersAreNamedLate()
        case .commitmentComesLate: runner.commitmentComesLate()
        }
    }
}

/// What scenarios are staged with.
struct ScenarioRunner {
    let nodes: Int
    let sample: Int
    let print: ((String) -> Void)?

    var faultBound: Int { (nodes - 1) / 3 }
    var quorum: Int { 2 * nodes / 3 + 1 }

    /// A quiet cluster that certifies `heights` versions.
    ///
    /// - Parameter guests: who is not of the first set and may be admitted, after all others.
    func options(
        seed: UInt64 = 1, heights: UInt64 = 4, guests: Int = 0, _ change: (inout FaultProfile) -> Void = { _ in }
    ) -> ClusterOptions {
        var options = ClusterOptions(nodes: nodes + guests, seed: seed)
        options.heights = heights
        var faults = FaultProfile(members: nodes + guests)
        for guest in nodes..<nodes + guests { faults.newcomers[guest] = true }
        faults.chaosMaximum = 60_000
        change(&faults)
        options.faults = faults
        return options
    }

    func cluster(_ options: ClusterOptions) -> Cluster { Cluster(options, print: print) }
}
