/// A promise that a cluster did not keep.
public struct Violation: Sendable, CustomStringConvertible {
    public enum Checker: String, Sendable, CaseIterable {
        /// Honest members adopted two versions at one height.
        case conflictingVersions = "conflicting-versions"
        /// Two certificates that cannot both be: finalized and nullified in one view, two notarized in one view, two
        /// finalized at one height.
        case conflictingCertificates = "conflicting-certificates"
        /// An honest member holds or sends a certificate without more than two thirds of valid signatures of the set.
        case invalidCertificate = "invalid-certificate"
        /// Two availability certificates for one slot name two contributions.
        case conflictingAvailability = "conflicting-availability"
        /// `closed` statements commit two contributions of one slot.
        case conflictingCommitment = "conflicting-commitment"
        /// An honest author showed a piece before a quorum had closed the round.
        case earlyReveal = "early-reveal"
        /// An honest member closed a round without naming what it had heard in time.
        case commitmentLeftOut = "commitment-left-out"
        /// An honest member proposes or votes for a payload that the protocol's text does not allow.
        case invalidPayload = "invalid-payload"
        /// An honest member notarizes what no proposal justifies.
        case unjustifiedVote = "unjustified-vote"
        /// An honest member refuses what an honest leader proposed.
        case judgedApart = "judged-apart"
        /// A view below an honest member's own can no longer be left by the others.
        case unrecoverableView = "unrecoverable-view"
        /// An honest member signed two things of one kind and place, or finalize and nullify in one view.
        case equivocation
        /// A member that lost its journal signed, before that, beyond the height that it abstains to.
        case abstention
        /// An honest member's signature was seen before it was durable.
        case unsyncedSignature = "unsynced-signature"
        /// What a signature rests on was not durable when it was seen.
        case unsyncedGround = "unsynced-ground"
        /// A certified manifest lists a contribution that fewer than f + 1 honest members hold.
        case tooFewHolders = "too-few-holders"
        /// 2f + 1 honest ready records named a slot that the version left out.
        case inclusion
        /// A version carries an action that may not stand there, or takes effect otherwise than that action says.
        case wrongAction = "wrong-action"
        /// The chain lists a slot twice, or an author twice in one version.
        case repeatedSlot = "repeated-slot"
        /// A version lists some contributions, and fewer than the rules ask for.
        case tooFewContributions = "too-few-contributions"
        /// A certified version's roots are not those of its parent and manifest.
        case wrongRoots = "wrong-roots"
        /// A version became a head while its parameters were nowhere.
        case missingParameters = "missing-parameters"
        /// The core asked the machine for something that cannot be done.
        case wrongJob = "wrong-job"
        case oversizeMessage = "oversize-message"
        /// Evidence names an honest member, or proves nothing.
        case wrongEvidence = "wrong-evidence"
        /// A member contradicted itself before everybody's eyes, and an honest one holds no evidence of it.
        case missingEvidence = "missing-evidence"
        /// An honest member cut off an honest one.
        case cutOffHonest = "cut-off-honest"
        /// An honest member raised an alarm while at most f were Byzantine.
        case alarm
        case unboundedQueue = "unbounded-queue"
        /// A node keeps more of something than its members, bases and views allow.
        case unboundedMemory = "unbounded-memory"
        /// More bytes of payloads that no version lists than members, bases and the largest payload allow.
        case unboundedDisk = "unbounded-disk"
        /// More journal entries for a height than its views allow.
        case unboundedJournal = "unbounded-journal"
        /// A restart could not read what was durable.
        case unreadableJournal = "unreadable-journal"
        /// After healing, an honest member did not advance.
        case noProgress = "no-progress"
        /// After healing, a version took more views than leaders that fail and timers that grow explain.
        case tooManyViews = "too-many-views"
    }

    public let checker: Checker
    public let time: SimulatedTime
    public let detail: String

    public var description: String { "\(time) ms  \(checker.rawValue): \(detail)" }
}
