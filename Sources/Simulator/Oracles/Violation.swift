/// A promise that a world did not keep.
public struct Violation: Sendable, CustomStringConvertible {
    public enum Oracle: String, Sendable, CaseIterable {
        /// Honest members adopted two versions at one height.
        case conflictingVersions = "conflicting-versions"
        /// Two certificates that cannot both be: finalized and nullified in one view, two notarized in one view, two
        /// finalized at one height.
        case conflictingCertificates = "conflicting-certificates"
        /// An honest member holds or sends a certificate without more than two thirds of valid signatures of the set.
        case invalidCertificate = "invalid-certificate"
        /// An honest member signed two things of one kind and place, or finalize and nullify in one view.
        case equivocation
        /// An honest member's signature was seen before it was durable.
        case unsyncedSignature = "unsynced-signature"
        /// What a signature rests on was not durable when it was seen.
        case unsyncedGround = "unsynced-ground"
        /// A certified manifest lists a contribution that fewer than f + 1 honest members hold.
        case tooFewHolders = "too-few-holders"
        /// 2f + 1 honest ready records named a slot that the version left out.
        case inclusion
        /// The chain lists a slot twice, or an author twice in one version.
        case repeatedSlot = "repeated-slot"
        /// A certified version's roots are not those of its parent and manifest.
        case wrongRoots = "wrong-roots"
        /// A version became a head while its parameters were nowhere.
        case missingParameters = "missing-parameters"
        /// The core asked the machine for something that cannot be done.
        case wrongJob = "wrong-job"
        case oversizeMessage = "oversize-message"
        /// An honest member cut off an honest one.
        case cutOffHonest = "cut-off-honest"
        /// An honest member raised an alarm while at most f were Byzantine.
        case alarm
        case unboundedQueue = "unbounded-queue"
        /// A restart could not read what was durable.
        case unreadableJournal = "unreadable-journal"
        /// After healing, an honest member did not advance.
        case noProgress = "no-progress"
    }

    public let oracle: Oracle
    public let time: SimulatedTime
    public let detail: String

    public var description: String { "\(time) ms  \(oracle.rawValue): \(detail)" }
}
