import Crypto
import Ledger

@testable import Gossip

/// A few nodes with perfect links and disks that a test can hold back: events are delivered in order, one by one.
final class Town {
    struct Site {
        let identity: NodeIdentity
        var node: Node
        var isUp = true
        var journal: [JournalEntry] = []
        var adopted: [CertifiedVersion] = []
        /// Batches that the disk has not finished while `holdsDisk`.
        var unsynced: [(PersistTicket, [JournalEntry])] = []
        var sent: [(to: Int, message: Message)] = []
        var notices: [Notice] = []
        var forgotten: [ContributionDigest] = []
        var pieces: [ContributionDigest: [Bool]] = [:]
    }

    let genesis: Genesis
    let payloadPieces: Int
    var sites: [Site] = []
    /// Sites whose disk does not report back.
    var holdsDisk: Set<Int> = []
    /// Asked of every message before it is delivered.
    var drops: (_ from: Int, _ to: Int, Message) -> Bool = { _, _, _ in false }
    /// Asked of every piece before it is delivered.
    var dropsPiece: (_ from: Int, _ to: Int, PieceName) -> Bool = { _, _, _ in false }
    private(set) var now = Instant(milliseconds: 1)
    private var queue: [(site: Int, event: Event)] = []
    private var timers: [Int: Instant] = [:]
    private var nextHandle: UInt64 = 0
    private let verifier = Verifier()

    init(count: Int, payloadPieces: Int = 2) throws {
        var random = SeededRandom(simulationSeed: 7)
        self.payloadPieces = payloadPieces
        var members: [Member] = []
        var keys: [MemberID: SigningKey] = [:]
        for index in 0..<count {
            let operatorKey = SigningKey(seed: random.secret(count: 32))
            let nodeKey = SigningKey(seed: random.secret(count: 32))
            let id = MemberID(firstOperatorKey: operatorKey.verifyingKey)
            keys[id] = nodeKey
            members.append(
                Member(
                    id: id, name: "site-\(index)", operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey,
                    linkKey: LinkKey(secret: random.secret(count: 32)).publicKey, keyEpoch: 0))
        }
        var rules = Rules()
        rules.pieceBytes = 1024
        genesis = Genesis(
            nonce: Digest(DigestDomain("test"), [1]), members: try MemberSet(members: members), rules: rules,
            tensors: [TensorShape(name: "w", shape: [8])], attachments: [],
            roots: StateRoots(parameters: Digest(DigestDomain("test"), [2])))
        for (index, member) in genesis.members.members.enumerated() {
            let identity = NodeIdentity(
                member: member.id, nodeKey: keys[member.id]!, addresses: ["127.0.0.1:\(7000 + index)"])
            sites.append(Site(identity: identity, node: makeNode(identity, Recovered(chain: Chain(genesis: genesis)))))
        }
        for index in sites.indices { queue.append((index, .start)) }
        for left in sites.indices { for right in sites.indices where left != right { link(left, right) } }
    }

    private func makeNode(_ identity: NodeIdentity, _ recovered: Recovered) -> Node {
        Node(
            identity: identity, timing: Timing(), recovered: recovered, verifier: verifier,
            random: SeededRandom(simulationSeed: 1))
    }

    func linkID(_ from: Int, _ to: Int) -> LinkID { LinkID(UInt64(from * 100 + to + 1)) }

    private func link(_ from: Int, _ to: Int) {
        queue.append((from, .linkUp(linkID(from, to), sites[to].identity.member)))
    }

    /// Every site that is up contributes to its own head.
    func contributeAll() {
        for index in sites.indices where sites[index].isUp { contribute(index) }
    }

    func contribute(_ index: Int, steps: UInt64 = 1) {
        let contribution = contribution(of: index, steps: steps)
        sites[index].pieces[contribution.contributionDigest] = Array(repeating: true, count: payloadPieces)
        queue.append((index, .contribute(contribution)))
    }

    /// What this site makes on top of its own head.
    func contribution(of index: Int, steps: UInt64 = 1, pieces: Int? = nil) -> Contribution {
        let chain = sites[index].node.chain
        let leaves = (0..<payloadPieces).map {
            MerkleTree.leaf([UInt8(index), UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)])
        }
        return Contribution(
            network: chain.network, author: sites[index].identity.member, base: chain.headDigest,
            baseHeight: chain.height, encoding: chain.rules.encoding,
            payloadBytes: UInt64(pieces ?? payloadPieces) * 1024, pieceBytes: 1024,
            pieceRoot: MerkleTree(leaves: leaves).root, norm: 1, steps: steps, tokens: 1, lossMicronats: 1,
            dataSets: [], trainer: .zero)
    }

    /// Carries everything out until nothing is left to do but wait.
    func settle() {
        while !queue.isEmpty {
            let (index, event) = queue.removeFirst()
            guard sites[index].isUp else { continue }
            var actions: [Action] = []
            sites[index].node.handle(event, now: now, into: &actions)
            for action in actions { perform(action, of: index) }
        }
    }

    /// Carries things out until a message that is sent satisfies `stop`, or nothing is left.
    func settleUntil(_ stop: (Message) -> Bool) {
        while !queue.isEmpty {
            let before = sites.map(\.sent.count)
            let (index, event) = queue.removeFirst()
            guard sites[index].isUp else { continue }
            var actions: [Action] = []
            sites[index].node.handle(event, now: now, into: &actions)
            for action in actions { perform(action, of: index) }
            for message in sites[index].sent[before[index]...] where stop(message.message) { return }
        }
    }

    /// Lets time pass from deadline to deadline until `condition` holds; false where it does not within `milliseconds`.
    func run(milliseconds: UInt64 = 600_000, until condition: () -> Bool) -> Bool {
        let end = now + milliseconds
        settle()
        while !condition() {
            guard let next = timers.filter({ sites[$0.key].isUp }).values.min(), next < end else { return false }
            now = max(next, now)
            for index in sites.indices where timers[index].map({ $0 <= now }) ?? false {
                timers[index] = nil
                queue.append((index, .timer))
            }
            settle()
        }
        return true
    }

    private func perform(_ action: Action, of index: Int) {
        switch action {
        case .send(let link, let bytes): deliver(bytes, from: index, over: link)
        case .sendVersion(let link, let height):
            guard let version = sites[index].adopted.first(where: { $0.height == height }) else { return }
            for bytes in Wire.messages(of: version) { deliver(bytes, from: index, over: link) }
        case .sendPiece(let link, let name):
            guard sites[index].pieces[name.contribution]?[name.index] ?? false else { return }
            nextHandle += 1
            let (from, to) = ends(link)
            guard !dropsPiece(from, to, name) else { return }
            queue.append(
                (to, .piece(linkID(to, from), name, byteCount: 1024, PieceHandle(nextHandle))))
        case .storePiece(let contribution, let name, _, let link):
            sites[index].pieces[name.contribution, default: Array(repeating: false, count: contribution.pieceCount)][
                name.index] = true
            queue.append((index, .pieceStored(name, .stored, from: link)))
        case .validate(let contribution):
            queue.append((index, .validated(contribution.contributionDigest, .valid)))
        case .average(let id, let parent, let manifest):
            let roots = StateRoots(
                parameters: Digest(
                    DigestDomain("test"),
                    parent.roots.parameters.bytes + manifest.flatMap(\.contribution.digest.bytes)))
            queue.append((index, .averaged(id, roots)))
        case .persist(let ticket, let entries):
            if holdsDisk.contains(index) {
                sites[index].unsynced.append((ticket, entries))
            } else {
                commit(entries, of: index)
                queue.append((index, .persisted(ticket)))
            }
        case .setTimer(let instant): timers[index] = instant
        case .emit(let notice): sites[index].notices.append(notice)
        case .close(let link, _):
            let (from, to) = ends(link)
            queue.append((to, .linkDown(linkID(to, from))))
        case .forget(let digest): sites[index].forgotten.append(digest)
        case .addresses, .dropPiece: break
        }
    }

    private func ends(_ link: LinkID) -> (from: Int, to: Int) {
        (Int((link.value - 1) / 100), Int((link.value - 1) % 100))
    }

    private func deliver(_ bytes: [UInt8], from index: Int, over link: LinkID) {
        let (from, to) = ends(link)
        guard let message = try? Message(encoded: bytes) else { return }
        sites[index].sent.append((to, message))
        guard sites[to].isUp, !drops(from, to, message) else { return }
        queue.append((to, .message(linkID(to, from), bytes)))
    }

    /// What a hostile site sends, over its link.
    func inject(_ message: Message, from: Int, to: Int) {
        queue.append((to, .message(linkID(to, from), message.encoded)))
    }

    /// A quorum's certificate, or fewer signatures, by `signers` with their own keys.
    func votes(_ vote: Vote, by signers: [Int]) -> VoteCertificate {
        var signatures: [Int: Signature] = [:]
        for index in signers {
            signatures[index] = vote.signature(by: sites[index].identity.nodeKey, network: genesis.network)
        }
        return VoteCertificate(
            network: genesis.network, vote: vote,
            signatures: QuorumSignatures(signatures, memberCount: sites.count))
    }

    private func commit(_ entries: [JournalEntry], of index: Int) {
        for entry in entries {
            if case .adopt(let certified) = entry {
                sites[index].adopted.append(certified)
            } else {
                sites[index].journal.append(entry)
            }
        }
    }

    /// The disk of a held site goes on.
    func releaseDisk(_ index: Int) {
        holdsDisk.remove(index)
        for (ticket, entries) in sites[index].unsynced {
            commit(entries, of: index)
            queue.append((index, .persisted(ticket)))
        }
        sites[index].unsynced = []
    }

    func crash(_ index: Int) {
        sites[index].isUp = false
        sites[index].unsynced = []
        timers[index] = nil
        queue.removeAll { $0.site == index }
        for other in sites.indices where other != index { queue.append((other, .linkDown(linkID(other, index)))) }
    }

    func restart(_ index: Int) throws {
        var chain = Chain(genesis: genesis)
        for certified in sites[index].adopted { chain = try chain.advanced(by: certified.version) }
        sites[index].node = makeNode(
            sites[index].identity,
            Recovered(
                chain: chain, head: sites[index].adopted.last, journal: sites[index].journal,
                pieces: sites[index].pieces))
        sites[index].isUp = true
        queue.append((index, .start))
        for other in sites.indices where other != index && sites[other].isUp {
            link(index, other)
            link(other, index)
        }
    }

    var heights: [UInt64] { sites.map(\.node.chain.height.value) }

    /// Rounds until every site that is up has reached `height`, each contributing once a version.
    func reach(_ height: UInt64) -> Bool {
        var contributed: [Int: VersionDigest] = [:]
        return run {
            for index in sites.indices where sites[index].isUp {
                let head = sites[index].node.chain.headDigest
                guard contributed[index] != head else { continue }
                contributed[index] = head
                contribute(index)
            }
            settle()
            return sites.filter(\.isUp).allSatisfy { $0.node.chain.height.value >= height }
        }
    }
}
