import Crypto

/// The state of the chain after some version: everything that decides whether the next one is valid.
///
/// A value: judging and advancing are pure functions of it and of what a payload embeds.
public struct Chain: Sendable {
    /// A version that contributions may still name as their base.
    public struct Base: Hashable, Sendable {
        public let digest: VersionDigest
        public let height: Height
        /// The set of height + 1: it signs acks for this base.
        public let members: MemberSet
    }

    public let network: NetworkID
    public let head: Version
    public let headDigest: VersionDigest
    /// In force for height + 1.
    public let rules: Rules
    /// The set of height + 1.
    public let members: MemberSet
    /// The last `maxStaleness + 1` versions, oldest first; the head is the last.
    public let bases: [Base]
    /// Slots on top of `bases` that some version has listed already, each with what it was listed with.
    public let listed: [Slot: ContributionDigest]
    /// Versions so far that list at least one contribution. By these the schedule of training advances: a version with
    /// an empty manifest leaves it where it was.
    public let trainedVersions: UInt64

    public init(genesis: Genesis) {
        network = genesis.network
        head = genesis.version
        headDigest = genesis.version.versionDigest
        rules = genesis.rules
        members = genesis.members
        bases = [Base(digest: headDigest, height: .genesis, members: genesis.members)]
        listed = [:]
        trainedVersions = 0
    }

    private init(
        network: NetworkID, head: Version, headDigest: VersionDigest, rules: Rules, members: MemberSet, bases: [Base],
        listed: [Slot: ContributionDigest], trainedVersions: UInt64
    ) {
        self.network = network
        self.head = head
        self.headDigest = headDigest
        self.rules = rules
        self.members = members
        self.bases = bases
        self.listed = listed
        self.trainedVersions = trainedVersions
    }

    public var height: Height { head.height }

    /// The height that is being agreed on.
    public var nextHeight: Height { head.height.next }

    public func base(_ digest: VersionDigest) -> Base? { bases.first { $0.digest == digest } }

    /// The chain after `version`, which the caller has judged or found certified.
    ///
    /// - Throws: `PayloadFault` where `version` does not even continue this chain.
    public func advanced(by version: Version) throws(PayloadFault) -> Chain {
        try checkContinues(version)
        let digest = version.versionDigest
        let bases = (self.bases + [Base(digest: digest, height: version.height, members: members)])
            .suffix(Int(rules.maxStaleness) + 1)
        let kept = Set(bases.map(\.digest))
        var listed = self.listed
        for entry in version.manifest { listed[entry.slot] = entry.contribution }
        listed = listed.filter { kept.contains($0.key.base) }
        return Chain(
            network: network, head: version, headDigest: digest, rules: rules, members: members, bases: Array(bases),
            listed: listed, trainedVersions: trainedVersions + (version.manifest.isEmpty ? 0 : 1))
    }

    func checkContinues(_ version: Version) throws(PayloadFault) {
        guard version.network == network else { throw .wrongNetwork }
        guard version.height == nextHeight else { throw .wrongHeight(version.height) }
        guard version.parent == headDigest else { throw .wrongParent(version.parent) }
        guard version.action == nil else { throw .unknownAction }
        guard version.rules == rules.digest else { throw .wrongRules }
        guard version.members == members.digest else { throw .wrongMembers }
    }
}

/// Why a payload is provably invalid. Missing data is never a fault: it is waited for.
public enum PayloadFault: Error, Equatable, Sendable {
    case wrongNetwork
    case wrongHeight(Height)
    case wrongParent(VersionDigest)
    case wrongRules
    case wrongMembers
    case unknownAction
    case wrongSupport
    case tooFewReady(count: Int, quorum: Int)
    case foreignReady(Digest)
    case repeatedReadySigner(MemberID)
    case inclusion(expected: [Slot], listed: [Slot])
    case foreignCertificate(Slot)
    case invalidCertificate(Slot)
    case tooFewHolders(Slot)
    case wrongWeight(Slot)
    case wrongOuterRoot
}
