import Crypto
import Ledger

/// What a node has under way to catch up without replaying.
struct Synchronisation {
    /// From the head on. Begins anew with every version that is adopted.
    var walk: Walk
    /// The last walked version that is durable: nothing beyond the next answer is asked for before it is.
    var durable: Height
    var request: WalkRequest?
    var fetch: BlockFetch?
    /// The head's parameters are not here: a joiner before its first version, or a damage that nothing else mends.
    var lacksParameters: Bool
    /// This node never had any parameters: it takes its first ones only once a quorum has reported.
    let isJoining: Bool
    /// Until when a link's claim is not believed: it was asked for what it claims and gave nothing.
    var doubted: [LinkID: Instant] = [:]

    init(walk: Walk, lacksParameters: Bool) {
        self.walk = walk
        durable = walk.height
        self.lacksParameters = lacksParameters
        isJoining = lacksParameters && walk.start == .genesis
    }

    /// Whether the way on is by parameters, so that nothing is replayed meanwhile.
    var isActive: Bool { lacksParameters || walk.isFarBehind }
}

/// Certified versions that one peer was asked for, and the one that is being put together.
struct WalkRequest {
    let link: LinkID
    /// When it was asked, or last gave something.
    var heard: Instant
    /// The parts so far of the version after the tip. No more than what really came.
    var bytes: [UInt8] = []
    var byteCount = 0
    var gaveSomething = false

    init(link: LinkID, heard: Instant) {
        self.link = link
        self.heard = heard
    }
}

/// A part of a certified version with all that it embeds, which as a whole may be larger than a message.
struct WalkPart: Equatable {
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
