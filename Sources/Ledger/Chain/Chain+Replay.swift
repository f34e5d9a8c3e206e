import Crypto

/// What a replay of the past goes by.
extension Chain {
    /// The rules that version `height` was made by, for any height up to the next one.
    public func rules(at height: Height) -> Rules {
        governance.pastRules.first { height <= $0.through }?.rules ?? rules
    }

    /// How many members decided version `height`, for any height up to the next one.
    public func memberCount(at height: Height) -> Int {
        governance.pastMembers.first { height <= $0.through }?.count ?? members.count
    }

    /// The entries of a version of this chain that a replay of it averages: those whose contributions no exclusion
    /// takes out, with the weights that the rules of its height give them among themselves.
    ///
    /// Equal weights stay as they were listed, unless the cap holds them down further among fewer. A share of the tokens is
    /// one of those that are left: the old ones would add up to more than the average of fewer may hold.
    public func entriesToReplay(of certified: CertifiedVersion) -> [ManifestEntry] {
        let left = zip(certified.version.manifest, certified.contributions.map(\.body))
            .filter { !governance.excludes($0.1, at: certified.height) }
        let parent = Height(certified.height.value - min(certified.height.value, 1))
        let weights = rules(at: certified.height).weightsQ30(of: left.map(\.1), parent: parent)
        return zip(left.map(\.0), weights).map { entry, weight in
            ManifestEntry(
                slot: entry.slot, baseHeight: entry.baseHeight, contribution: entry.contribution,
                availability: entry.availability, weightQ30: weight)
        }
    }

    /// Whether `embedded`, which continues this chain, is the version in which a replayed state takes over.
    public func isSwitch(_ embedded: EmbeddedPayload) -> Bool {
        rootsToSwitch(by: embedded.ready.map(\.body)) != nil
    }
}
