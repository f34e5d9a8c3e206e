/// Which cluster belongs to a seed of the swarm: seed after seed another size, and everything else drawn from the seed.
public enum SwarmProfile: String, Sendable, CaseIterable {
    /// 4 to 13 members.
    case short
    /// Those, and now and then 31 or 100.
    case long

    /// Sizes go around with the seed: those that are a multiple of three and one are the ones with the tightest quorum.
    private static let sizes = [4, 5, 7, 4, 6, 10, 4, 5, 7, 8, 4, 5, 7, 9, 4, 13, 5, 7, 11, 12]

    /// A pure function: `meshsim run` with the same numbers makes the same cluster.
    public func options(seed: UInt64) -> ClusterOptions {
        if self == .long, seed % 2_000 == 1_999 { return SwarmProfile.options(members: 100, heights: 3, seed) }
        if self == .long, seed % 200 == 199 { return SwarmProfile.options(members: 31, heights: 3, seed) }
        return SwarmProfile.options(
            members: SwarmProfile.sizes[Int(seed % UInt64(SwarmProfile.sizes.count))], heights: 5, seed)
    }

    private static func options(members: Int, heights: UInt64, _ seed: UInt64) -> ClusterOptions {
        var options = ClusterOptions(nodes: members, seed: seed)
        options.heights = heights
        return options
    }
}
