import Crypto
import Gossip
import Ledger
import Link

/// Four founders with keys that everybody knows: so that bytes found by a fuzzer can carry valid signatures.
enum SmallMesh {
    struct Site {
        let member: Member
        let operatorKey: SigningKey
        let nodeKey: SigningKey
        let linkKey: LinkKey
    }

    static let pieceBytes: UInt32 = 1024

    /// By ascending member id, so that a site's position is its index in the member set.
    static let sites = (0..<4).map { site($0) }.sorted { $0.member.id < $1.member.id }

    static func site(_ number: UInt64) -> Site {
        var random = SeededRandom(simulationSeed: 0xf0_22 + number)
        let operatorKey = SigningKey(seed: random.secret(count: 32))
        let nodeKey = SigningKey(seed: random.secret(count: 32))
        let linkKey = LinkKey(secret: random.secret(count: 32))
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: "site-\(number)",
            operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey, linkKey: linkKey.publicKey,
            keyEpoch: 0)
        return Site(member: member, operatorKey: operatorKey, nodeKey: nodeKey, linkKey: linkKey)
    }

    static let genesis: Genesis = {
        guard let members = try? MemberSet(members: sites.map(\.member)) else {
            preconditionFailure("four sites are a member set")
        }
        var rules = Rules()
        rules.pieceBytes = pieceBytes
        return Genesis(
            nonce: .zero, members: members, rules: rules, tensors: [TensorShape(name: "w", shape: [1 << 17])],
            attachments: [], roots: StateRoots(parameters: .zero))
    }()

    static func node(_ index: Int) -> Node {
        Node(
            identity: NodeIdentity(
                member: sites[index].member.id, nodeKey: sites[index].nodeKey, addresses: ["127.0.0.1:\(7000 + index)"]),
            timing: Timing(), recovered: Recovered(chain: Chain(genesis: genesis)), verifier: Verifier(),
            random: SeededRandom(simulationSeed: UInt64(index)))
    }

    /// What the site makes on top of `chain`: two pieces.
    static func contribution(of index: Int, on chain: Chain) -> Contribution {
        Contribution(
            network: chain.network, author: sites[index].member.id, base: chain.headDigest, baseHeight: chain.height,
            encoding: chain.rules.encoding, payloadBytes: 2 * UInt64(pieceBytes), pieceBytes: pieceBytes,
            pieceRoot: Digest(DigestDomain("fuzz"), [UInt8(index)]), norm: 1, steps: 1, tokens: 1, lossCentinats: 1,
            dataSets: [], trainer: .zero)
    }
}

/// One node with a shell that does everything asked of it at once: nothing fails, everything validates, and averages are
/// digests of what went in.
final class MemberShell {
    let node: Node
    private(set) var now = Instant(milliseconds: 1)
    private(set) var journal: [JournalEntry] = []
    private var adopted: [CertifiedVersion] = []
    private var timer: Instant?
    private var pending: [Event] = []
    /// What the node sends, to be taken by whoever drives it.
    var sent: [(link: LinkID, bytes: [UInt8])] = []
    var sentPieces: [(link: LinkID, name: PieceName)] = []
    private(set) var isCutOff: Set<LinkID> = []
    private var nextHandle: UInt64 = 0

    init(_ index: Int) {
        node = SmallMesh.node(index)
        handle(.start)
    }

    func handle(_ event: Event) {
        pending.append(event)
        while !pending.isEmpty {
            var effects: [Effect] = []
            node.handle(pending.removeFirst(), now: now, into: &effects)
            for effect in effects { perform(effect) }
        }
    }

    func pieceArrives(_ name: PieceName, over link: LinkID) {
        nextHandle += 1
        handle(.piece(link, name, byteCount: Int(SmallMesh.pieceBytes), PieceHandle(nextHandle)))
    }

    /// Lets time pass to the next deadline, and no further than a while.
    func wait(_ milliseconds: UInt64) {
        now = now + milliseconds
        guard let timer, timer <= now else { return }
        self.timer = nil
        handle(.timer)
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .send(let link, let bytes):
            precondition(bytes.count <= Wire.messageBytesMaximum, "a message is larger than the wire allows")
            if !isCutOff.contains(link) { sent.append((link, bytes)) }
        case .sendVersion(let link, let height):
            guard let version = adopted.first(where: { $0.height == height }) else { return }
            for bytes in Wire.messages(of: version) { sent.append((link, bytes)) }
        case .sendPiece(let link, let name): sentPieces.append((link, name))
        case .close(let link, _): isCutOff.insert(link)
        case .setTimer(let instant): timer = instant
        case .persist(let ticket, let entries):
            for entry in entries {
                if case .adopt(let certified) = entry { adopted.append(certified) }
                journal.append(entry)
            }
            pending.append(.persisted(ticket))
        case .storePiece(_, let name, _, let link): pending.append(.pieceStored(name, .stored, from: link))
        case .validate(let contribution): pending.append(.validated(contribution.contributionDigest, .valid))
        case .average(let id, let parent, let manifest):
            let bytes = parent.roots.parameters.bytes + manifest.flatMap(\.contribution.digest.bytes)
            pending.append(.averaged(id, StateRoots(parameters: Digest(DigestDomain("fuzz"), bytes))))
        default: break
        }
    }
}
