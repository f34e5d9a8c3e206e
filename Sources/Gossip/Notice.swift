import Ledger

/// What happened, for the operator's log and the history of rounds. The core never acts on one.
public enum Notice: Equatable, Sendable {
    case contributionReceived(Contribution)
    case contributionRefused(ContributionDigest, author: MemberID, refusal: String)
    /// It is here in whole, valid and synced.
    case contributionHeld(Contribution)
    /// A quorum holds this contribution.
    case contributionAvailable(Contribution)
    case readySigned(Height, slots: Int)
    /// A quorum of members is ready: agreement begins.
    case quorumReady(Height)
    case viewEntered(Height, View)
    case proposed(Height, View, VersionDigest)
    /// A payload was provably invalid.
    case payloadRefused(Height, View, PayloadFault)
    case rootMismatch(Height, expected: StateRoots, computed: StateRoots)
    /// A quorum finalized a version in this view.
    case certified(Height, View)
    /// A version became this node's head.
    case adopted(CertifiedVersion, replayed: Bool)
    /// This node's own contribution can no longer be listed: it goes back into the residual.
    case ownContributionLeftOut(ContributionDigest)
    case linkCutOff(MemberID, CloseReason)
    case alarm(Alarm)
}

/// What an operator must see. A node with an alarm signs nothing more.
public enum Alarm: Hashable, Sendable {
    /// A quorum certified roots that this node's own averaging does not give.
    case divergedFromCertifiedRoots(Height)
    /// Two versions of one height carry valid certificates.
    case conflictingCertificates(Height)
}

/// Whom a node waits for, and why.
public struct Wait: Hashable, Sendable {
    public enum Reason: String, Hashable, Sendable {
        case contribution
        case pieces
        case availabilityAcks = "availability-acks"
        case ready
        case proposal
        case notarizeVote = "notarize-vote"
        case finalizeVote = "finalize-vote"
        case averaging
        case version
        case link
    }

    public let member: MemberID
    public let reason: Reason

    public init(member: MemberID, reason: Reason) {
        self.member = member
        self.reason = reason
    }
}

/// What a node is doing at its next height, for `meshctl status` and the simulator's report.
public struct NodeReport: Sendable {
    public enum Phase: String, Sendable {
        /// Contributions are made and gathered.
        case gathering
        /// A quorum is ready; a version is being agreed on.
        case agreeing
        /// A version is certified; its parameters are being computed or its contributions fetched.
        case adopting
        /// Others are ahead; their versions are fetched and replayed.
        case catchingUp = "catching-up"
        case stopped
    }

    public struct Candidate: Sendable {
        public let contribution: Contribution
        public let digest: ContributionDigest
        public let piecesHeld: Int
        public let acks: Int
        public let isAvailable: Bool
    }

    public let height: Height
    public let head: VersionDigest
    public let view: View
    public let phase: Phase
    public let waits: [Wait]
    public let candidates: [Candidate]
    public let linkedMembers: [MemberID]
    /// The highest height that a peer claims; not verified.
    public let highestClaimed: Height
    public let alarms: [Alarm]
}
