/// What a site keeps of the past besides what the rules of today say (`Rules+Retention.swift`): what a revert reaches
/// back to, and what earlier rules left to reach back to.
extension Chain {
    /// The oldest version from which a revert may leave something out: within the window, and beyond a version whose
    /// parameters no rules have let go since. A window that was made longer holds no more than the one before it did.
    public var oldestRevertable: Height {
        max(rules.beforeWindow(head: height), retentionFloor).next
    }

    /// The oldest version whose parameters are kept.
    public var oldestBase: Height {
        pinnedBase.map { min($0, oldestRegularBase) } ?? oldestRegularBase
    }

    /// Whether the parameters of the version at `height` are kept: by the rules, by those of its own time, because a
    /// replayed state took over there (the versions before it do not give it), or until a pending replay is done.
    public func keepsBase(_ height: Height) -> Bool {
        if rules.keepsBase(height, head: self.height) || height == pinnedBase { return true }
        guard height >= oldestRegularBase, height <= self.height else { return false }
        return regularBase(upTo: height) == height || governance.reverts.contains { $0.switched == height }
    }

    /// Whether a contribution on the version at `base` may be one whose payload is kept.
    public func keepsPayload(base: Height) -> Bool {
        lastListing(of: base) > oldestBase
    }

    /// No version above this one lists a contribution on the version at `base`.
    public func lastListing(of base: Height) -> Height {
        let since = governance.pastRules.filter { $0.through >= base }.map(\.rules) + [rules]
        return Height(base.value + UInt64(since.map(\.maxStaleness).max() ?? 0) + 1)
    }

    /// The version whose parameters a pending replay begins with; nil where none is pending.
    private var pinnedBase: Height? {
        guard let first = governance.replayFrom else { return nil }
        return max(governance.replayFloor, regularBase(upTo: Height(first.value - min(first.value, 1))))
    }

    private var oldestRegularBase: Height {
        max(retentionFloor, regularBase(upTo: rules.beforeWindow(head: height)))
    }

    /// The oldest base that was left when the last rules went that kept less than those after them.
    private var retentionFloor: Height {
        governance.pastRules.map { past in
            // Through the version before, sites let go what these rules did not keep.
            regularBase(upTo: past.rules.beforeWindow(head: Height(past.through.value - 1)))
        }.max() ?? .genesis
    }

    /// The newest version up to `height` that is kept for as long as the window lasts: a multiple of the interval that
    /// held when it was the head.
    private func regularBase(upTo height: Height) -> Height {
        var last = height.value
        let eras = governance.pastRules
        for index in (0...eras.count).reversed() {
            let first = index == 0 ? 0 : eras[index - 1].through.value
            guard last >= first else { continue }
            let interval = (index == eras.count ? rules : eras[index].rules).baseInterval
            let base = last / interval * interval
            if base >= first { return Height(base) }
            last = first - 1
        }
        return .genesis
    }
}
