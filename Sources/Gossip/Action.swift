import Ledger

/// Why the core closes a link.
public enum CloseReason: Equatable, Sendable {
    case malformedMessage
    case invalidSignature
    case badPiece
    case unaskedPiece
    case replacedByNewerLink
}

/// What the core wants done. The shell carries the actions out in order and feeds their results back as events.
public enum Action: Sendable {
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
    /// Decode and check the complete payload, sync the blob, then `Event.validated`.
    case validate(Contribution)
    /// Average the manifest on top of the parent's parameters, keep the result as a candidate under its root, then
    /// `Event.averaged`. The contributions are all complete and valid here.
    case average(AveragingID, parent: Version, manifest: [ManifestEntry])
    /// The contribution can never be listed any more and no version lists it: its blob may go.
    case forget(ContributionDigest)
    case emit(Notice)
}

/// What must outlive a crash. `JournalEntry+Encode.swift` gives each entry one encoding.
public enum JournalEntry: Equatable, Sendable {
    /// This node's contribution to a slot; binds payload, slot and residual.
    case ownContribution(Signed<Contribution>)
    /// A contribution of another member whose blob is complete and synced: its directory entry.
    case contribution(Signed<Contribution>)
    /// This node's ack.
    case stored(Signed<Stored>)
    case availability(AvailabilityCertificate)
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
}
