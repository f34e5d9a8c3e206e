import Crypto
import Ledger
import Link

/// A block of a version's parameters: 262,144 of them (the last may be shorter), a leaf under the version's root.
public struct BlockName: Hashable, Sendable {
    /// The parameters root of a certified version.
    public let root: Digest
    public let index: Int

    public init(root: Digest, index: Int) {
        self.root = root
        self.index = index
    }

    /// A block travels as a piece whose name is the root in the place of a contribution's digest.
    public init(_ piece: PieceName) {
        self.init(root: piece.contribution.digest, index: piece.index)
    }

    public var asPiece: PieceName { PieceName(contribution: ContributionDigest(root), index: index) }
}

/// The parameters of one certified version on their way here, block by block from many peers.
struct BlockFetch {
    enum Stage {
        /// The shell looks for what an earlier process left.
        case opening
        case fetching
        /// All blocks are here: the whole is checked and synced.
        case completing
        /// The version becomes the head.
        case adopting
    }

    let point: HeaderSync.Point
    var stage = Stage.opening
    var held = Bitmap(count: 0)
    var requests: [Int: Candidate.Request] = [:]
    var storing: Set<Int> = []
    /// Links whose member does not keep these parameters.
    var without: Set<LinkID> = []
    /// How many blocks each link was asked for in vain.
    var failures: [LinkID: Int] = [:]
    /// Links that were asked for a block at some time: from others a block is refused.
    var asked: Set<LinkID> = []
    /// The disk refused a block: no more are asked for until the next tick.
    var isPaused = false

    init(_ point: HeaderSync.Point) { self.point = point }

    var root: Digest { point.root }

    /// Up to `limit` blocks that nobody was asked for, upwards and around from about `start`.
    func missing(from start: Int, limit: Int) -> [Int] {
        held.clear(from: start, limit: limit) { requests[$0] == nil && !storing.contains($0) }
    }
}
