import Crypto

/// One tensor of the model: its name and shape. The flat parameter vector holds the tensors in the genesis' order.
public struct TensorShape: Record, Hashable {
    @ExactText public var name: String
    public let shape: [UInt64]

    public init(name: String, shape: [UInt64]) {
        _name = ExactText(name)
        self.shape = shape
    }

    public var cbor: CBOR { .record(["name": .text(name), "shape": .array(shape.map { .unsigned($0) })]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        _name = ExactText(try reader.text("name", limit: Limits.tensorNameBytes))
        var shape: [UInt64] = []
        for item in try reader.array("shape", limit: Limits.tensorRank) {
            guard case .unsigned(let value) = item else { throw .wrongType(key: "shape") }
            guard (1...Limits.dimensionMaximum).contains(value) else { throw .outOfRange(key: "shape") }
            shape.append(value)
        }
        self.shape = shape
        try reader.finish()
    }
}

/// A small file of the model directory (configuration, tokenizer) that every export carries.
public struct Attachment: Record, Hashable {
    @ExactText public var name: String
    public let bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
        _name = ExactText(name)
        self.bytes = bytes
    }

    /// Letters, digits, `.`, `_` and `-`, not starting with a dot: a file name and never a path.
    public static func isValidName(_ name: String) -> Bool {
        (1...Limits.attachmentNameBytes).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
                default: false
                }
            }
    }

    public var cbor: CBOR { .record(["name": .text(name), "bytes": .bytes(bytes)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        _name = ExactText(try reader.text("name", limit: Limits.attachmentNameBytes))
        bytes = try reader.bytes("bytes", limit: Limits.attachmentBytes)
        try reader.finish()
        guard Attachment.isValidName(name) else { throw .outOfRange(key: "name") }
    }
}

/// Where a forked mesh comes from.
public struct ForkOrigin: Record, Hashable {
    public let network: NetworkID
    public let version: VersionDigest
    public let roots: StateRoots

    public init(network: NetworkID, version: VersionDigest, roots: StateRoots) {
        self.network = network
        self.version = version
        self.roots = roots
    }

    public var cbor: CBOR { .record(["network": network.cbor, "version": version.cbor, "roots": roots.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        version = try reader.identity("version")
        roots = try reader.record("roots")
        try reader.finish()
    }
}

/// The founding of a mesh. Its digest is the network id; the founders' signatures are detached and not part of it.
public struct Genesis: Statement, Hashable {
    public static let tag = "genesis"

    /// 32 random bytes: two meshes founded alike are still two.
    public let nonce: Digest
    public let members: MemberSet
    public let rules: Rules
    public let tensors: [TensorShape]
    public let attachments: [Attachment]
    /// Of version 0.
    public let roots: StateRoots
    public let origin: ForkOrigin?

    public init(
        nonce: Digest, members: MemberSet, rules: Rules, tensors: [TensorShape], attachments: [Attachment],
        roots: StateRoots, origin: ForkOrigin? = nil
    ) {
        self.nonce = nonce
        self.members = members
        self.rules = rules
        self.tensors = tensors
        self.attachments = attachments
        self.roots = roots
        self.origin = origin
    }

    public var network: NetworkID { NetworkID(digest) }

    /// Whether version 0 has a state of the optimizer other than the empty one: a fork may go on with that of the version that it
    /// comes from.
    public var continuesOptimizer: Bool {
        roots
            != StateRoots(
                founding: roots.parameters, parameterCount: TensorShape.parameterCount(of: tensors) ?? 0,
                rules.innerOptimizer)
    }

    /// The record of version 0. It follows from the genesis alone and needs no certificate.
    public var version: Version {
        Version(
            network: network, height: .genesis, parent: origin?.version ?? VersionDigest(.zero), manifest: [],
            action: nil, rules: rules.digest, members: members.digest, support: Support(ready: []).digest,
            roots: roots)
    }

    public var cbor: CBOR {
        .record([
            "nonce": .digest(nonce), "members": members.cbor, "rules": rules.cbor, "tensors": .records(tensors),
            "attachments": .records(attachments), "roots": roots.cbor, "origin": .optional(origin),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        nonce = try reader.digest("nonce")
        members = try reader.record("members")
        rules = try reader.record("rules")
        tensors = try reader.records("tensors", limit: Limits.tensors)
        attachments = try reader.records("attachments", limit: Limits.attachments)
        roots = try reader.record("roots")
        origin = try reader.optionalRecord("origin")
        try reader.finish()
        guard rules.fault(memberCount: members.count) == nil else { throw .outOfRange(key: "rules") }
        guard Set(tensors.map { ExactText($0.name) }).count == tensors.count,
            let count = TensorShape.parameterCount(of: tensors),
            rules.innerOptimizer.stateCount(parameterCount: count) <= Limits.parameters
        else {
            throw .outOfRange(key: "tensors")
        }
        let isContinued = rules.innerOptimizer.isShared && roots.outer != .zero && roots == origin?.roots
        guard isContinued || !continuesOptimizer else { throw .outOfRange(key: "roots") }
        guard Set(attachments.map { ExactText($0.name) }).count == attachments.count else {
            throw .outOfRange(key: "attachments")
        }
    }
}

/// What an operator sends to the other founders: the site's public keys, signed by the operator key and, as proof of
/// possession, by the node key. A card belongs to no network yet: it is signed for the zero network id.
public struct Card: Statement, Hashable {
    public static let tag = "card"

    public let member: Member
    public let addresses: [String]

    public init(member: Member, addresses: [String]) {
        self.member = member
        self.addresses = addresses
    }

    public var cbor: CBOR { .record(["member": member.cbor, "addresses": .array(addresses.map { .text($0) })]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        member = try reader.record("member")
        addresses = try reader.addresses("addresses")
        try reader.finish()
        guard member.id == MemberID(firstOperatorKey: member.operatorKey), member.keyEpoch == 0 else {
            throw .outOfRange(key: "member")
        }
    }
}

/// A card with both of its signatures: one file to send around.
public struct SignedCard: Record, Hashable {
    public let card: Card
    public let operatorSignature: Signature
    public let nodeSignature: Signature

    public init(card: Card, operatorKey: SigningKey, nodeKey: SigningKey) {
        self.card = card
        operatorSignature = card.signature(by: operatorKey, network: NetworkID(.zero))
        nodeSignature = card.signature(by: nodeKey, network: NetworkID(.zero))
    }

    public var isValid: Bool {
        card.isSigned(operatorSignature, by: card.member.operatorKey, network: NetworkID(.zero))
            && card.isSigned(nodeSignature, by: card.member.nodeKey, network: NetworkID(.zero))
    }

    public var cbor: CBOR {
        .record([
            "card": card.cbor, "operator_signature": .bytes(operatorSignature.bytes),
            "node_signature": .bytes(nodeSignature.bytes),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        card = try reader.record("card")
        operatorSignature = try reader.signature("operator_signature")
        nodeSignature = try reader.signature("node_signature")
        try reader.finish()
    }
}

/// A founder's consent: the operator key's signature over the genesis, by itself in a file.
public struct GenesisSignature: Record, Hashable {
    public let network: NetworkID
    public let signer: MemberID
    public let signature: Signature

    public init(genesis: Genesis, signer: MemberID, operatorKey: SigningKey) {
        network = genesis.network
        self.signer = signer
        signature = genesis.signature(by: operatorKey, network: genesis.network)
    }

    public var cbor: CBOR {
        .record(["network": network.cbor, "signer": signer.cbor, "signature": .bytes(signature.bytes)])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        network = try reader.identity("network")
        signer = try reader.identity("signer")
        signature = try reader.signature("signature")
        try reader.finish()
    }
}

/// The founding file: the genesis and the founders' signatures that were collected.
public struct GenesisFile: Record, Hashable {
    public let genesis: Genesis
    public let signatures: [GenesisSignature]

    public init(genesis: Genesis, signatures: [GenesisSignature]) {
        self.genesis = genesis
        self.signatures = signatures.sorted { $0.signer < $1.signer }
    }

    /// Founders whose valid signature is here.
    public var signers: [Member] {
        signatures.compactMap { signature in
            guard signature.network == genesis.network, let member = genesis.members[signature.signer],
                genesis.isSigned(signature.signature, by: member.operatorKey, network: genesis.network)
            else { return nil }
            return member
        }
    }

    /// Whether every founder has signed: nobody is in a mesh that its operator did not agree to.
    public var isComplete: Bool { signers.count == genesis.members.count && signatures.count == signers.count }

    public var cbor: CBOR { .record(["genesis": genesis.cbor, "signatures": .records(signatures)]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        genesis = try reader.record("genesis")
        signatures = try reader.records("signatures", limit: Limits.members)
        try reader.finish()
        for (left, right) in zip(signatures, signatures.dropFirst()) where left.signer >= right.signer {
            throw .notAscending(key: "signatures")
        }
    }
}
