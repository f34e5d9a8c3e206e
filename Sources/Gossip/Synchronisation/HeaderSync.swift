import Crypto
import Ledger

/// How far a node knows the chain of certified versions beyond its head, without their parameters.
///
/// A far-behind node syncs headers: it takes every version with all that it embeds, from its own last one on, and
/// audits each; only the payloads of the contributions it leaves alone. Then it fetches the parameters of one certified
/// root. What the header sync has passed is durable (`JournalEntry.headerSynced`) and is never the head before its
/// parameters are here.
///
/// Of the versions that were passed it holds the tip and the last two pinned ones, however long the way.
public struct HeaderSync: Sendable {
    /// A version on the way, as the state of the chain after it.
    struct Point: Sendable {
        let chain: Chain
        /// Nil for the version from which the header sync began.
        let version: CertifiedVersion?

        var height: Height { chain.height }
        var root: Digest { chain.head.roots.name }
    }

    /// The version from which the header sync began: the head.
    let start: Height
    private(set) var tip: Point
    /// Pinned versions, the newest last; at most two.
    private(set) var pins: [Point] = []
    /// What the first versions beyond the head list: of all that are passed, these alone can list what the head's
    /// contributions are.
    private(set) var listed: Set<ContributionDigest>
    /// The version that a joiner was told of, until the chain up to the head has it.
    let awaited: VersionDigest?
    /// Where this header sync met the awaited version.
    private var met: Height?

    /// - Parameters:
    ///   - chain: up to the head.
    ///   - awaited: a version that must be on the chain before anything is taken; nil where none is asked for, or the
    ///     chain up to the head has it.
    public init(chain: Chain, awaiting awaited: VersionDigest? = nil) {
        start = chain.height
        tip = Point(chain: chain, version: nil)
        listed = Set(chain.listed.values)
        self.awaited = chain.headDigest == awaited ? nil : awaited
        pass(tip)
    }

    /// Goes on by a version that was audited against `tip`, or that this node found so before.
    ///
    /// - Throws: `PayloadFault` where it does not even continue the chain.
    public mutating func extend(by certified: CertifiedVersion) throws(PayloadFault) {
        let chain = try tip.chain.advanced(by: certified.embedded)
        tip = Point(chain: chain, version: certified)
        if chain.height.value <= start.value + UInt64(chain.rules.maxStaleness) + 1 {
            listed.formUnion(certified.version.manifest.map(\.contribution))
        }
        pass(tip)
    }

    private mutating func pass(_ point: Point) {
        if let awaited, point.chain.headDigest == awaited { met = point.height }
        guard point.chain.rules.isPinned(point.height) else { return }
        pins = Array((pins + [point]).suffix(2))
    }

    public var height: Height { tip.height }

    /// Whether nothing beyond the head may be taken yet: a version is awaited, and this way has not come by it.
    public var lacksAwaited: Bool { awaited != nil && met == nil }

    /// What is still awaited once the version at `height` of this way is the head.
    func awaited(beyond height: Height) -> VersionDigest? { met.map { $0 <= height } ?? false ? nil : awaited }

    /// The parameters that may be wanted next.
    public var wantedRoots: Set<Digest> { Set((pins + [tip]).map(\.root)) }

    /// Every version that was synced lies this many versions apart from its head at least before parameters are fetched
    /// in place of a replay.
    static func lagLeast(_ rules: Rules) -> UInt64 { max(2, rules.pinInterval) }

    /// Whether fetching parameters is the way on: by certificates, never by what somebody claims.
    var isFarBehind: Bool { tip.height.value >= start.value + HeaderSync.lagLeast(tip.chain.rules) }

    /// The version whose parameters are wanted; nil where a replay is the way on.
    ///
    /// - Parameter lacksParameters: those of the head are not here, so no replay can begin.
    func goal(lacksParameters: Bool) -> Point? {
        if isFarBehind || lacksParameters, let pin = pins.last, pin.height > start || lacksParameters { return pin }
        return lacksParameters ? tip : nil
    }

    /// Whether peers that are at the tip can be expected to keep the parameters of `point`.
    func isKept(_ point: Point) -> Bool { tip.chain.rules.keepsBase(point.height, head: tip.height) }
}
