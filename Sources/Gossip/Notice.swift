import Crypto
import Ledger
import Link

/// What happened, for the operator's log and the history of rounds. The core never acts on one.
public enum Notice: Equatable, Sendable {
    case contributionReceived(Contribution)
    case contributionRefused(ContributionDigest, author: MemberID, refusal: String)
    /// It is here in whole, valid and synced.
    case contributionHeld(Contribution)
    /// A quorum holds this contribution.
    case contributionAvailable(Contribution)
    /// This node will close the round of this height then, and its own site has not committed yet. Said again where the
    /// time changes.
    case roundCloses(Height, at: Instant)
    /// A quorum has closed the round of this height: payloads of what is committed are shown now.
    case roundClosed(Height)
    case readySigned(Height, slots: Int)
    /// A quorum of members is ready: agreement begins.
    case quorumReady(Height)
    case viewEntered(Height, View)
    case proposed(Height, View, VersionDigest)
    /// A payload was provably invalid: by what it embeds, which is all that the judgement rests on.
    case payloadRefused(View, Payload, EmbeddedPayload?, PayloadFault)
    case rootMismatch(Height, expected: StateRoots, computed: StateRoots)
    /// A quorum finalized a version in this view.
    case certified(Height, View)
    /// A version became this node's head.
    case adopted(CertifiedVersion, replayed: Bool)
    /// This node's own contribution can no longer be listed: it goes back into the residual.
    case ownContributionLeftOut(ContributionDigest)
    /// This node's replay without what is excluded came through this version.
    case replayFinished(Height)
    case linkCutOff(MemberID, CloseReason)
    /// Less than the reserve is free: nothing is fetched, and so many incomplete payloads gave their pieces back.
    case storageShort(freeBytes: UInt64, reserveBytes: UInt64, dropped: Int)
    /// The reserve is free again.
    case storageRecovered(freeBytes: UInt64)
    /// The journal was lost: nothing is signed until others have said how far they are.
    case journalLost(JournalLoss)
    /// They have: nothing is signed up to this height.
    case abstaining(Height)
    case alarm(Alarm)
    /// Certified versions up to this height are on disk, without parameters.
    case headerSynced(Height)
    /// The parameters of this version are fetched block by block.
    case fetchingParameters(Height)
    /// A version became the head by its parameters, without a replay of those before it; or the head's own parameters,
    /// which lacked, are here.
    case synchronised(Version)
    /// Proof that a member broke the protocol is held, durably.
    case evidence(Evidence)
    /// A pending action is new here, or has new signatures.
    case proposalKnown(GovernanceAction, operators: [MemberID])
    /// Its operators and its readiness are here: ready records name it from now on.
    case proposalComplete(GovernanceAction)
    /// What this site's operator proposed was not taken.
    case proposalRefused(Digest, GovernanceRefusal)
    /// A pending action ended unused: its time or its number passed, its signers left, or their places were full.
    case proposalDropped(Digest)
    /// An operator took its signature back from a pending action, or rejects it.
    case proposalJudged(JudgedProposal)
    /// This site's operator's verdict was not taken.
    case verdictRefused(JudgedProposal, GovernanceRefusal)
    /// A pending action was decided on, as far as this node saw it: what it was, who signed, who was against it.
    case proposalEnded(EndedProposal)
    /// The version of this height carries the action: it is in force from the next height on.
    case actionTaken(GovernanceAction, Height)
    case reviewKnown(SignedReview)
    case reviewRefused(SignedReview, GovernanceRefusal)
    /// The version of this height removed this node, which signs nothing more.
    case removed(Height)
    /// A quorum of those that stayed holds that version: nobody needs this node any more.
    case mayLeave(Height)
}

/// What an operator must see.
public enum Alarm: Hashable, Sendable {
    /// A quorum certified roots that this node's own averaging does not give.
    case divergedFromCertifiedRoots(Height)
    /// Two versions of one height carry valid certificates, by keys that their members still hold or at a height that
    /// is not adopted yet.
    case conflictingCertificates(Height)
    /// Another daemon signs with this node's key.
    case secondInstance
    /// Another version of an adopted height carries a valid certificate, by keys of which at most f are still in use.
    case retiredKeysCertified(Height)
    /// A quorum certified a version that cannot take effect on this chain, or embeds what this node refuses.
    case inapplicableVersion(Height)
    /// A quorum holds this contribution as valid; this node refuses it, for the named reason.
    case refusedAvailableContribution(ContributionDigest, author: MemberID, refusal: String)
    /// A certified version lists this contribution, which this node refuses for the named reason.
    case refusedListedContribution(Height, ContributionDigest, author: MemberID, refusal: String)
    /// What this height must list cannot be averaged on the parent, for the named reason.
    case averagingRefused(Height, reason: String)

    /// Whether a node with this alarm signs nothing more.
    public var stops: Bool {
        switch self {
        case .divergedFromCertifiedRoots, .conflictingCertificates, .secondInstance, .inapplicableVersion,
            .refusedListedContribution:
            true
        case .retiredKeysCertified, .refusedAvailableContribution, .averagingRefused: false
        }
    }
}

/// Whom a node waits for, and why.
public struct Wait: Hashable, Sendable {
    public enum Reason: String, Hashable, Sendable {
        case contribution
        case pieces
        case availabilityVotes = "availability-votes"
        case closed
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
        /// The journal was lost: nothing is signed up to a height that is known or asked for.
        case recovering
        case stopped
    }

    public struct Candidate: Sendable {
        public let contribution: Contribution
        public let digest: ContributionDigest
        public let piecesHeld: Int
        public let availabilityVotes: Int
        public let isAvailable: Bool
    }

    /// Whether this node signs; if not, until when.
    public enum Signing: Hashable, Sendable {
        case free
        /// The question of this start: it signs once `needed` others have answered.
        case asking(answers: Int, needed: Int)
        /// The journal was lost: `needed` others have to say how far they are.
        case recovering(answers: Int, needed: Int, isHopeless: Bool)
        /// The journal was lost: nothing is signed up to this height. Hopeless where the members that may sign are no
        /// quorum, so that the chain cannot get there by itself.
        case abstaining(until: Height, isHopeless: Bool)
    }

    public let height: Height
    public let head: VersionDigest
    public let view: View
    public let phase: Phase
    public let waits: [Wait]
    public let candidates: [Candidate]
    public let linkedMembers: [MemberID]
    public let signing: Signing
    /// The highest height that a peer claims; not verified.
    public let highestClaimed: Height
    public let alarms: [Alarm]
    /// Members against whom this node holds evidence, ascending, with the number of proofs.
    public let accused: [(member: MemberID, proofs: Int)]
    /// By ascending digest.
    public let proposals: [ProposalReport]
    /// Those that no version embeds yet.
    public let reviews: [ReviewReport]
}
