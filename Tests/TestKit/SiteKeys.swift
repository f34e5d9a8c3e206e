import Crypto
import Ledger

/// The keys of one site, and the member that has them.
public struct SiteKeys: Sendable {
    public let operatorKey: SigningKey
    public let nodeKey: SigningKey
    public let linkKey: LinkKey
    public let member: Member

    public init(name: String, operatorSeed: SecretBytes, nodeSeed: SecretBytes, linkSeed: SecretBytes) {
        operatorKey = SigningKey(seed: operatorSeed)
        nodeKey = SigningKey(seed: nodeSeed)
        linkKey = LinkKey(secret: linkSeed)
        member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: name,
            operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey, linkKey: linkKey.publicKey,
            keyEpoch: 0)
    }

    /// Draws the seeds of operator, node and link key, in this order.
    public init(name: String, random: inout SeededRandom) {
        self.init(
            name: name, operatorSeed: random.secret(count: 32), nodeSeed: random.secret(count: 32),
            linkSeed: random.secret(count: 32))
    }

    /// The keys of a site from its number, the same for the same number.
    public init(number: UInt64) {
        var random = SeededRandom(simulationSeed: 0x51e5_0000 + number)
        self.init(name: "site-\(number)", random: &random)
    }

    /// - Parameter seed: of the key with this role: 1 for the operator's, 2 for the node's, 3 for the link's.
    public init(name: String, seed: (_ role: UInt8) -> SecretBytes) {
        self.init(name: name, operatorSeed: seed(1), nodeSeed: seed(2), linkSeed: seed(3))
    }
}

extension NetworkID {
    /// A network for records that belong to no genesis of the test.
    public static let test = NetworkID(Digest(DigestDomain("test/network"), [1]))
}
