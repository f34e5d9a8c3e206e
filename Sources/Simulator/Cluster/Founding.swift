import Crypto
import Gossip
import Ledger

/// The genesis of a simulated mesh and the keys of everybody who ever takes part in it, all from the seed.
struct Founding {
    let genesis: Genesis
    /// By ascending member id: a member's index in the cluster is its index here, and in the first set if nobody comes
    /// later.
    let identities: [NodeIdentity]
    /// In the same order, as the records of those who are members from the beginning, or ask to be admitted.
    let people: [Member]
    let operatorKeys: [SigningKey]

    /// A model whose payloads may take 64 pieces of `Limits.pieceBytesMinimum` under the default encoding, and no more
    /// than twice that.
    private static let parameterCount: UInt64 = 4 << 20

    private struct Person {
        let member: Member
        let nodeKey: SigningKey
        let operatorKey: SigningKey
    }

    /// - Parameters:
    ///   - newcomers: who is not of the first set, one flag a person.
    ///   - change: what is special about the rules of this mesh.
    init(
        members count: Int, newcomers: [Bool]? = nil, random: inout SeededRandom,
        rules change: (inout Rules) -> Void = { _ in }
    ) {
        let people = (0..<count).map { Founding.person($0, &random) }.sorted { $0.member.id < $1.member.id }
        let founders = people.indices.filter { !(newcomers?[$0] ?? false) }
        var rules = Rules()
        rules.pieceBytes = Limits.pieceBytesMinimum
        change(&rules)
        do {
            genesis = Genesis(
                nonce: Founding.digest("nonce", 0, &random),
                members: try MemberSet(members: founders.map { people[$0].member }), rules: rules,
                tensors: [TensorShape(name: "weights", shape: [Founding.parameterCount])], attachments: [],
                roots: StateRoots(parameters: Founding.digest("roots", 0, &random)))
        } catch {
            preconditionFailure("a simulated founding is well-formed: \(error)")
        }
        self.people = people.map(\.member)
        operatorKeys = people.map(\.operatorKey)
        identities = people.map {
            NodeIdentity(member: $0.member.id, nodeKey: $0.nodeKey, addresses: ["\($0.member.name):1"])
        }
    }

    private static func person(_ number: Int, _ random: inout SeededRandom) -> Person {
        let operatorKey = SigningKey(seed: random.secret(count: 32))
        let nodeKey = SigningKey(seed: random.secret(count: 32))
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: "site-\(number)",
            operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey,
            linkKey: LinkKey(secret: random.secret(count: 32)).publicKey, keyEpoch: 0)
        return Person(member: member, nodeKey: nodeKey, operatorKey: operatorKey)
    }

    private static func digest(_ purpose: String, _ number: Int, _ random: inout SeededRandom) -> Digest {
        Digest(DigestDomain("mesh/sim-found"), Array("\(purpose) \(number) \(random.next())".utf8))
    }
}
