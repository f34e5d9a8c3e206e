import Crypto

/// What a chain remembers of the heights behind it: by which set each was decided, and which version it got.
///
/// Bounded: the last `changesMaximum` member sets, the last `versionsMaximum` versions. What is further back is no longer
/// known here; whoever walks the ledger knows all of it.
public struct ChainHistory: Sendable {
    private struct Change {
        /// The first height that this set decides.
        let first: Height
        let members: MemberSet
    }

    public static let changesMaximum = 256
    public static let versionsMaximum = 1024

    private var changes: [Change]
    /// The last versions, oldest first.
    private var versions: [VersionDigest]
    private var head: Height

    init(genesis: VersionDigest, members: MemberSet) {
        changes = [Change(first: Height.genesis.next, members: members)]
        versions = [genesis]
        head = .genesis
    }

    /// After the next version, with the set that decides the height after it.
    mutating func append(_ version: VersionDigest, members: MemberSet) {
        head = head.next
        versions.append(version)
        if versions.count > ChainHistory.versionsMaximum { versions.removeFirst() }
        guard changes.last?.members != members else { return }
        changes.append(Change(first: head.next, members: members))
        if changes.count > ChainHistory.changesMaximum { changes.removeFirst() }
    }

    /// The set that decides `height`; nil for genesis, beyond the next height, and where it is forgotten.
    public func members(of height: Height) -> MemberSet? {
        guard height <= head.next else { return nil }
        return changes.last { $0.first <= height }?.members
    }

    /// The version of `height`; nil above the head and where it is forgotten.
    public func version(at height: Height) -> VersionDigest? {
        guard height <= head else { return nil }
        let back = head.value - height.value
        return back < UInt64(versions.count) ? versions[versions.count - 1 - Int(back)] : nil
    }
}
