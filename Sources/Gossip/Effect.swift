import Crypto
import Ledger
import Link

/// Why the core closes a link.
public enum CloseReason: Equatable, Sendable {
    case malformedMessage
    case invalidSignature
    /// More signatures that do not verify than honest peers bring.
    case tooManyFailedChecks
    /// A contribution whose record breaks the rules of its base: every node that relays records checks that first.
    case recordOutsideRules
    case badPiece
    case unaskedPiece
    case replacedByNewerLink
}

/// What the core wants done. The shell carries the actions out in order and feeds their results back as events.
public enum Effect: Sendable {
    /// One control message. Lost without notice where the link is gone.
    case send(LinkID, [UInt8])
    /// One piece, read from the blob, with its Merkle proof. Nothing where the blob or the piece is not there.
    case sendPiece(LinkID, PieceName)
    /// The certified version of this height from the store, as the messages that `Wire.messages(of:)` makes of it.
    case sendVersion(LinkID, Height)
    case close(LinkID, CloseReason)
    /// The addresses under which a member may be reached, whenever they change; the shell dials as it sees fit.
    case addresses(MemberID, [String])
    /// Replaces the one timer. The shell gives `Event.timer` once that instant has come.
    case setTimer(Instant)
    /// Makes all entries durable in one transaction, then gives `Event.persisted`. Batches become durable in order.
    case persist(PersistTicket, [JournalEntry])
    /// Check the piece against the contribution's root and put it into the blob, then `Event.pieceStored`.
    case storePiece(Contribution, PieceName, PieceHandle, from: LinkID)
    case dropPiece(PieceHandle)
    /// The pieces of this incomplete payload go, since the disk is short of room.
    case dropPieces(ContributionDigest)
    /// Decode and check the complete payload, sync the blob, then `Event.validated`.
    case validate(Contribution)
    /// Average the manifest on top of the parent's parameters, keep the result as a candidate under its root, then
    /// `Event.averaged`. The contributions are all complete and valid here.
    case average(AveragingID, parent: Version, manifest: [ManifestEntry])
    /// Replay the history through the head of this chain without what it excludes, in the background, keep the result
    /// as a candidate under its root, then `Event.replayed`. Takes the place of an earlier one, whose event never
    /// comes.
    case replay(Chain)
    /// The contribution can never be listed any more and no version lists it: its blob may go.
    case forget(ContributionDigest)
    case emit(Notice)
    /// Certified versions from this height on, as the messages that `Wire.headerMessages(of:isLast:)` makes of each: at
    /// least one version, and further ones while all of them together have at most `Wire.headerBytesMaximum` bytes.
    case sendHeaders(LinkID, from: Height)
    /// Blocks of the parameters under this root, each with its Merkle proof; `Wire.absentBlocks(of:)` where they are
    /// not kept here. Indexes that are no blocks are passed over.
    case sendBlocks(LinkID, Digest, [Int])
    /// Look for what an earlier process left of the parameters under this root, then `Event.parametersOpened`.
    case openParameters(Digest)
    /// Check the block against its root and write it, then `Event.blockStored`.
    case storeBlock(BlockName, PieceHandle, from: LinkID)
    /// All blocks are here: check and sync the whole under its root, then `Event.parametersCompleted`.
    case completeParameters(Digest)
}

/// What must outlive a crash. `JournalEntry+Encode.swift` gives each entry one encoding.
public enum JournalEntry: Equatable, Sendable {
    /// This node's contribution to a slot; binds payload, slot and residual.
    case ownContribution(Signed<Contribution>)
    /// A contribution of another member whose blob is complete and synced: its directory entry.
    case contribution(Signed<Contribution>)
    /// This node's availability vote.
    case availabilityVote(Signed<AvailabilityVote>)
    case availability(AvailabilityCertificate)
    /// This node's `closed` statement, or another's on which a ready record of this node rests.
    case closed(Signed<Closed>)
    /// This node's ready record.
    case ready(Signed<Ready>)
    /// This node's proposal.
    case proposal(Signed<Proposal>)
    /// A payload with all that it embeds: whoever voted for it can propose it again and prove it.
    case payload(EmbeddedPayload)
    /// This node's vote.
    case vote(Signed<Vote>)
    /// A notarization or nullification that a vote of this node relies on.
    case certificate(VoteCertificate)
    /// A certified version becomes the head. The shell makes the averaged candidate under its root the current
    /// parameters in the same step.
    case adopt(CertifiedVersion)
    case address(Signed<AddressRecord>)
    /// What this node must not sign after its journal was lost. The last one counts.
    case abstention(Abstention)
    /// A certified version beyond the head, audited and without its parameters: the next one of header sync.
    case headerSynced(CertifiedVersion)
    /// A synced header whose parameters are here in whole becomes the head, and all synced ones up to it join the
    /// chain; those beyond it are forgotten.
    case stateSynced(CertifiedVersion)
    /// Proof that a member broke the protocol. Never dropped.
    case evidence(Evidence)
    /// A certificate that contradicts what is known at its height. Never dropped.
    case conflictingCertificate(VoteCertificate)
    /// A pending governance action, or signatures that were added to it, with the readiness so far.
    case action(PendingRecord<CompleteAction>)
    /// A veto or an approval that no version embeds yet.
    case review(PendingRecord<SignedReview>)
    /// An operator's verdict on a pending action.
    case verdict(PendingRecord<JudgedProposal>)
}
