/// What a site keeps of the past, as the rules and the head decide it: so every site can count on what others keep.
///
/// Records are kept for ever. Parameters are kept of the newest versions, of the last two pinned ones, and of every
/// `baseInterval`-th version of the retention window; payloads from the oldest of those bases on, so that every
/// version of the window can be replayed from a base that is kept.
extension Rules {
    /// Nodes that are far behind fetch the parameters of a version whose height is a multiple of this.
    public var pinInterval: UInt64 { max(1, min(Rules.pinIntervalMaximum, UInt64(retentionVersions) / 2)) }

    /// From one pinned version to the next there are at most so many, however long the retention.
    public static let pinIntervalMaximum: UInt64 = 16

    /// Bases of the whole retention window are kept so far apart, a multiple of `pinInterval`: about eight of them.
    public var baseInterval: UInt64 {
        let share = (UInt64(retentionVersions) + 7) / 8
        return (share + pinInterval - 1) / pinInterval * pinInterval
    }

    public func isPinned(_ height: Height) -> Bool { height.value.isMultiple(of: pinInterval) }

    /// How many of the newest versions' parameters are always kept: every base that a contribution may name, and the
    /// parent of the head.
    public var newestBases: UInt64 { max(2, UInt64(maxStaleness) + 1) }

    /// The last version before the retention window.
    func beforeWindow(head: Height) -> Height { Height(head.value - min(head.value, UInt64(retentionVersions))) }

    /// The oldest version whose parameters are kept. A revert of anything that was listed up to it can no longer be
    /// computed.
    public func oldestBase(head: Height) -> Height {
        Height(beforeWindow(head: head).value / baseInterval * baseInterval)
    }

    /// Whether the parameters of the version at `height` are kept by a site whose head is at `head`.
    public func keepsBase(_ height: Height, head: Height) -> Bool {
        guard height <= head else { return false }
        if head.value - height.value < newestBases { return true }
        let newestPin = head.value / pinInterval * pinInterval
        if isPinned(height), newestPin - height.value <= pinInterval { return true }
        return height.value.isMultiple(of: baseInterval) && height >= oldestBase(head: head)
    }

    /// Whether a contribution on the version at `base` may be one whose payload is kept: no version that lists it is
    /// above `base + maxStaleness + 1`.
    public func keepsPayload(base: Height, head: Height) -> Bool {
        base.value + UInt64(maxStaleness) + 1 > oldestBase(head: head).value
    }
}
