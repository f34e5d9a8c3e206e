import Crypto
import Gossip
import Ledger

/// The genesis of a simulated mesh and the keys of its members, all from the seed.
struct Founding {
    let genesis: Genesis
    /// By ascending member id: a member's index in the world is its index in the set.
    let identities: [NodeIdentity]

    init(members count: Int, retentionVersions: UInt32 = Rules().retentionVersions, random: inout SeededRandom) {
        var members: [Member] = []
        var identities: [NodeIdentity] = []
        for number in 0..<count {
            let operatorKey = SigningKey(seed: random.secret(count: 32))
            let nodeKey = SigningKey(seed: random.secret(count: 32))
            let id = MemberID(firstOperatorKey: operatorKey.verifyingKey)
            let name = "site-\(number)"
            let linkKey = LinkPublicKey(bytes: Founding.digest("link", number, &random).bytes)!
            members.append(
                Member(
                    id: id, name: name, operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey,
                    linkKey: linkKey, keyEpoch: 0))
            identities.append(NodeIdentity(member: id, nodeKey: nodeKey, addresses: ["\(name):1"]))
        }
        var rules = Rules()
        rules.pieceBytes = Limits.pieceBytesMinimum
        rules.contributionBytesMaximum = 1 << 20
        rules.retentionVersions = retentionVersions
        rules.minContributions = UInt32(max(1, count - 1))
        do {
            genesis = Genesis(
                nonce: Founding.digest("nonce", 0, &random), members: try MemberSet(members: members), rules: rules,
                tensors: [TensorShape(name: "weights", shape: [1024])], attachments: [],
                roots: StateRoots(parameters: Founding.digest("roots", 0, &random)))
        } catch {
            preconditionFailure("a simulated founding is well-formed: \(error)")
        }
        self.identities = identities.sorted { $0.member < $1.member }
    }

    private static func digest(_ purpose: String, _ number: Int, _ random: inout SeededRandom) -> Digest {
        Digest(DigestDomain("mesh/sim-found"), Array("\(purpose) \(number) \(random.next())".utf8))
    }
}
