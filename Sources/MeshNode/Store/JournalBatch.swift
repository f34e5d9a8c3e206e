import Crypto
import Gossip
import Ledger

/// What becomes durable together: the entries that the core asked for in one turn, and what the shell binds to them.
struct JournalBatch: Sendable, Equatable {
    var tickets: [PersistTicket] = []
    var entries: [JournalEntry] = []
    /// Slots that this site takes, with the residual that follows from each.
    var submissions: [SlotRow] = []
    /// Slots whose contribution went back into the residual.
    var returns: [ResidualReturn] = []
    /// Slots, by base, of which nothing has to go back into the residual.
    var settlements: [VersionDigest] = []
    var rounds: [RoundRow] = []

    var isEmpty: Bool {
        tickets.isEmpty && entries.isEmpty && submissions.isEmpty && returns.isEmpty && settlements.isEmpty
            && rounds.isEmpty
    }

    /// What comes after this one joins it.
    mutating func append(_ other: JournalBatch) {
        tickets += other.tickets
        entries += other.entries
        submissions += other.submissions
        returns += other.returns
        settlements += other.settlements
        rounds += other.rounds
    }
}

/// One taken slot of this site.
struct SlotRow: Sendable, Equatable {
    enum State: String, Sendable {
        /// Handed over; whether a version lists it is open.
        case sent
        /// Its values are in the residual again.
        case returned
        /// A version lists it, or the trainer keeps the residual itself: nothing goes back.
        case settled
    }

    var base: VersionDigest
    var baseHeight: Height
    var contribution: ContributionDigest
    /// The residual's file after this contribution; nil where the trainer keeps the residual itself.
    var residual: String?
    var state: State = .sent
}

/// A contribution that no version lists went back into the residual, which is `residual` from now on.
struct ResidualReturn: Sendable, Equatable {
    var base: VersionDigest
    var residual: String
}

/// How a round went here, for `rounds` and people; nothing is decided by it.
struct RoundRow: Sendable, Equatable {
    var height: Height
    var version: VersionDigest
    /// Seconds since 1970 of the adoption here, by this machine's clock.
    var adoptedAt: UInt64
    var durationMilliseconds: UInt64
    var contributors: [String]
    var signers: [String]
    /// Mean of the contributions' training losses, in 1e-6 nats a token; nil for an empty manifest.
    var lossMicronats: UInt64?
    var contributionBytes: UInt64
    var sentBytes: UInt64
    var receivedBytes: UInt64
    /// Whether it came by catch-up and not by taking part.
    var isReplayed: Bool
    var times: RoundTimes
    /// Nil if this process did not average the version.
    var figures: RoundFigures?
}

/// Makes batches durable, one after the other. The daemon's is `LedgerDatabase`; a test puts a crash in its place.
protocol JournalSink: Sendable {
    /// Returns once the whole batch would survive a loss of power; throws where nothing of it was written.
    func commit(_ batch: JournalBatch) throws(StoreError)
}
