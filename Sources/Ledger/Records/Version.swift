import Crypto

/// One contribution as a version lists it.
public struct ManifestEntry: Record, Hashable {
    public let slot: Slot
    public let baseHeight: Height
    public let contribution: ContributionDigest
    /// Digest of the availability certificate that the proposer embedded.
    public let availability: Digest
    /// In 1/2^30, before the division by the number of entries; an equal share is one. Recomputed by every voter.
    public let weightQ30: UInt64

    public init(
        slot: Slot, baseHeight: Height, contribution: ContributionDigest, availability: Digest, weightQ30: UInt64
    ) {
        self.slot = slot
        self.baseHeight = baseHeight
        self.contribution = contribution
        self.availability = availability
        self.weightQ30 = weightQ30
    }

    public var cbor: CBOR {
        .record([
            "slot": slot.cbor, "base_height": .height(baseHeight), "contribution": contribution.cbor,
            "availability": .digest(availability), "weight_q30": .unsigned(weightQ30),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        slot = try reader.record("slot")
        baseHeight = try reader.height("base_height")
        contribution = try reader.identity("contribution")
        availability = try reader.digest("availability")
        weightQ30 = try reader.unsigned("weight_q30", in: 0...UInt64(Rules.oneQ30) * UInt64(Limits.slots))
        try reader.finish()
    }
}

/// The roots of a base version's state.
public struct StateRoots: Record, Hashable {
    /// Merkle root of the parameters, a leaf a block of 262,144.
    public let parameters: Digest
    /// Merkle root of the shared optimizer's state, cut alike; `Digest.zero` in a mesh without one.
    public let outer: Digest

    /// What the state is stored and asked for under: the root of the parameters, or where the optimizer has a state the root of a
    /// tree whose two leaves are both roots.
    public var name: Digest {
        outer == .zero ? parameters : MerkleTree(leaves: [parameters, outer]).root
    }

    public init(parameters: Digest, outer: Digest = .zero) {
        self.parameters = parameters
        self.outer = outer
    }

    /// Of a version 0 that begins with an empty state of the shared optimizer, all zeros.
    ///
    /// - Parameter parameterCount: of the model, 1 to 2^40.
    public init(founding parameters: Digest, parameterCount: UInt64, _ optimizer: InnerOptimizer) {
        let count = Int(optimizer.stateCount(parameterCount: parameterCount))
        guard count > 0 else {
            self.init(parameters: parameters)
            return
        }
        let block = Int(Limits.blockParameters)
        let (blocks, rest) = ((count + block - 1) / block, count % block)
        func leaf(_ values: Int) -> Digest { MerkleTree.leaf([UInt8](repeating: 0, count: 4 * values)) }
        let whole = leaf(blocks > 1 ? block : count)
        self.init(
            parameters: parameters,
            outer: MerkleTree.root(
                repeating: whole, count: blocks, last: rest == 0 ? leaf(min(block, count)) : leaf(rest)))
    }

    /// The part in which these roots differ from others, for a message.
    public func short(besides other: StateRoots) -> String {
        parameters == other.parameters && outer != other.outer
            ? "optimizer state \(outer.short)" : "parameters \(parameters.short)"
    }

    public var cbor: CBOR { .record(["parameters": .digest(parameters), "outer": .digest(outer)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        parameters = try reader.digest("parameters")
        outer = try reader.digest("outer")
        try reader.finish()
    }
}

/// A base version: its digest names everything that led to it.
public struct Version: Statement, Hashable {
    public static let tag = "version"

    public let network: NetworkID
    public let height: Height
    public let parent: VersionDigest
    /// By ascending author; one entry an author.
    public let manifest: [ManifestEntry]
    /// Digest of the governance action that this version carries, if any.
    public let action: Digest?
    /// Of height + 1.
    public let rules: Digest
    /// Of height + 1.
    public let members: Digest
    public let support: Digest
    public let roots: StateRoots

    public init(
        network: NetworkID, height: Height, parent: VersionDigest, manifest: [ManifestEntry], action: Digest?,
        rules: Digest, members: Digest, support: Digest, roots: StateRoots
    ) {
        self.network = network
        self.height = height
        self.parent = parent
        self.manifest = manifest
        self.action = action
        self.rules = rules
        self.members = members
        self.support = support
        self.roots = roots
    }

    public var versionDigest: VersionDigest { VersionDigest(digest) }

    public var cbor: CBOR {
        .record([
            "network": network.cbor, "height": .height(height), "parent": parent.cbor,
            "manifest": .records(manifest), "action": action.map { .digest($0) } ?? .null, "rules": .digest(rules),
            "members": .digest(members), "support": .digest(support), "roots": roots.cbor,
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        height = try reader.height("height")
        parent = try reader.identity("parent")
        manifest = try reader.records("manifest", limit: Limits.slots)
        action = try reader.optionalDigest("action")
        rules = try reader.digest("rules")
        members = try reader.digest("members")
        support = try reader.digest("support")
        roots = try reader.record("roots")
        try reader.finish()
        for (left, right) in zip(manifest, manifest.dropFirst()) where left.slot.author >= right.slot.author {
            throw .notAscending(key: "manifest")
        }
    }
}

/// What a proposal is about: the version and what it rests on.
public struct Payload: Record, Hashable {
    public let version: Version
    public let support: Support

    public init(version: Version, support: Support) {
        self.version = version
        self.support = support
    }

    public var cbor: CBOR { .record(["version": version.cbor, "support": support.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        version = try reader.record("version")
        support = try reader.record("support")
        try reader.finish()
        guard version.support == support.digest else { throw .outOfRange(key: "support") }
    }
}

extension RecordReader {
    mutating func optionalDigest(_ key: String) throws(RecordError) -> Digest? {
        switch try value(key) {
        case .null: return nil
        case .bytes(let bytes):
            guard let digest = Digest(bytes: bytes) else { throw .wrongType(key: key) }
            return digest
        default: throw .wrongType(key: key)
        }
    }
}
