/// What a site keeps of the past besides what the rules say (`Rules+Retention.swift`): what a revert reaches back to.
extension Chain {
    /// The version whose parameters a pending replay begins with; nil where none is pending.
    private var pinnedBase: Height? {
        guard let first = governance.replayFrom else { return nil }
        let regular = Height((first.value - 1) / rules.baseInterval * rules.baseInterval)
        return max(governance.replayFloor, regular)
    }

    /// Whether the parameters of the version at `height` are kept: by the rules, because a replayed state took over there
    /// (the versions before it do not give it), or until a pending replay is done.
    public func keepsBase(_ height: Height) -> Bool {
        if rules.keepsBase(height, head: self.height) || height == pinnedBase { return true }
        return height >= rules.oldestBase(head: self.height) && governance.reverts.contains { $0.switched == height }
    }

    /// The oldest version whose parameters are kept.
    public var oldestBase: Height {
        let regular = rules.oldestBase(head: height)
        return pinnedBase.map { min($0, regular) } ?? regular
    }

    /// Whether a contribution on the version at `base` may be one whose payload is kept.
    public func keepsPayload(base: Height) -> Bool {
        base.value + UInt64(rules.maxStaleness) + 1 > oldestBase.value
    }
}
