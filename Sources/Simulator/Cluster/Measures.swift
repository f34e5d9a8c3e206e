/// The largest of each thing that must stay bounded.
public struct Measures: Sendable, Equatable {
    public var occurrences: UInt64 = 0
    public var messages: UInt64 = 0
    public var messageBytes: UInt64 = 0
    public var messageBytesMaximum = 0
    public var pieces: UInt64 = 0
    /// Occurrences planned at one time.
    public var queueMaximum = 0
    /// Actions of one turn.
    public var effectsMaximum = 0
    /// Pieces that one process held without having stored or dropped them.
    public var handlesMaximum = 0
    /// Batches of one process that were asked for and not reported.
    public var batchesMaximum = 0
    /// Journal entries of one site for one height.
    public var journalMaximum = 0
    public var viewMaximum: UInt32 = 0
    /// Views that a version took after healing.
    public var viewsAfterHealing: UInt32 = 0
    /// Of one node.
    public var candidatesMaximum = 0
    public var votesMaximum = 0
    public var readyRecordsMaximum = 0
    public var earlyBytesMaximum = 0
    /// Bytes of payloads on one disk that no version lists.
    public var unlistedBytesMaximum: UInt64 = 0
    /// Simulated milliseconds from healing to the second version of the slowest member.
    public var recoveryMaximum: UInt64 = 0

    public mutating func merge(_ other: Measures) {
        occurrences += other.occurrences
        messages += other.messages
        messageBytes += other.messageBytes
        messageBytesMaximum = max(messageBytesMaximum, other.messageBytesMaximum)
        pieces += other.pieces
        queueMaximum = max(queueMaximum, other.queueMaximum)
        effectsMaximum = max(effectsMaximum, other.effectsMaximum)
        handlesMaximum = max(handlesMaximum, other.handlesMaximum)
        batchesMaximum = max(batchesMaximum, other.batchesMaximum)
        journalMaximum = max(journalMaximum, other.journalMaximum)
        viewMaximum = max(viewMaximum, other.viewMaximum)
        viewsAfterHealing = max(viewsAfterHealing, other.viewsAfterHealing)
        candidatesMaximum = max(candidatesMaximum, other.candidatesMaximum)
        votesMaximum = max(votesMaximum, other.votesMaximum)
        readyRecordsMaximum = max(readyRecordsMaximum, other.readyRecordsMaximum)
        earlyBytesMaximum = max(earlyBytesMaximum, other.earlyBytesMaximum)
        unlistedBytesMaximum = max(unlistedBytesMaximum, other.unlistedBytesMaximum)
        recoveryMaximum = max(recoveryMaximum, other.recoveryMaximum)
    }
}
