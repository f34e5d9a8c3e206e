import Crypto
import Ledger
import Link

/// What a node has under way to catch up without replaying.
struct Synchronisation {
    /// From the head on. Begins anew with every version that is adopted.
    var headerSync: HeaderSync
    /// The last synced header that is durable: nothing beyond the next answer is asked for before it is.
    var durable: Height
    var request: HeaderRequest?
    var fetch: BlockFetch?
    /// The head's parameters are not here: a joiner before its first version, or a damage that nothing else mends.
    var lacksParameters: Bool
    /// This node never had any parameters: it takes its first ones only once a quorum has reported.
    let isJoining: Bool
    /// Who was asked for what it claims and gave no version, and when it may be asked again. Its claim keeps nobody
    /// waiting until it gives one. A new link changes nothing of that.
    var suspected: [MemberID: Instant] = [:]
    /// Milliseconds that requests to a peer have waited which an adoption ended, since it last gave a version.
    var unanswered: [MemberID: UInt64] = [:]

    init(headerSync: HeaderSync, lacksParameters: Bool) {
        self.headerSync = headerSync
        durable = headerSync.height
        self.lacksParameters = lacksParameters
        isJoining = lacksParameters && headerSync.start == .genesis
    }

    /// Whether the way on is by header sync or by parameters, so that nothing is replayed meanwhile. A state sync that
    /// is being written stays the way on, also where a later version lengthens by its rules how far far behind is.
    var isActive: Bool {
        lacksParameters || headerSync.isFarBehind || headerSync.lacksAwaited || fetch?.stage == .adopting
    }
}

/// Certified versions that one peer was asked for, and the one that is being put together.
struct HeaderRequest {
    let link: LinkID
    let member: MemberID
    let asked: Instant
    /// Whether a version came that stands.
    var gaveVersion = false
    /// The parts so far of the version after the tip. No more than what really came.
    private var bytes: [UInt8] = []
    private var byteCount = 0
    /// Of all versions of this answer together.
    private var answerBytes = 0

    /// Bytes that earn their sender another piece timeout: half of a block, which has to come within one.
    private static let bytesPerTimeout = 512 << 10

    init(link: LinkID, member: MemberID, asked: Instant) {
        self.link = link
        self.member = member
        self.asked = asked
    }

    /// Takes the next part, and returns the version that it completes. Nothing else is taken: it belongs to an answer
    /// that was given up, or follows something that was lost.
    mutating func take(_ part: HeaderPart) -> [UInt8]? {
        guard part.offset == bytes.count, part.offset == 0 || part.byteCount == byteCount else { return nil }
        byteCount = part.byteCount
        bytes += part.bytes
        answerBytes += part.bytes.count
        guard bytes.count == byteCount else { return nil }
        defer { bytes = [] }
        return bytes
    }

    /// No honest answer goes on from here.
    var isFull: Bool { answerBytes >= Wire.headerBytesMaximum }

    /// Until when the answer has to be complete. Only bytes earn time, so that small parts hold nobody up.
    func deadline(pieceTimeout: UInt64) -> Instant {
        asked + pieceTimeout * UInt64(1 + answerBytes / HeaderRequest.bytesPerTimeout)
    }
}

/// A part of a certified version with all that it embeds, which as a whole may be larger than a message.
struct HeaderPart: Equatable {
    let height: Height
    /// Where `bytes` belong in the version's encoding, and how long that is.
    let offset: Int
    let byteCount: Int
    /// Whether the answer ends with this version.
    let isLast: Bool
    let bytes: [UInt8]
}

/// What is said of a version's parameters: which blocks the sender wants, or that it does not keep them.
enum BlockNote: Equatable {
    case wanted([Int])
    case absent
}
