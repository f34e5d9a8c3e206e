import Crypto
import Ledger
import Link
import TestKit

@testable import Gossip

/// A few nodes with perfect links and disks that a test can hold back: events are delivered in order, one by one.
final class Cluster {
    struct Site {
        var identity: NodeIdentity
        var node: Node
        var isUp = true
        var journal: [JournalEntry] = []
        var adopted: [CertifiedVersion] = []
        /// Batches that the disk has not finished while `holdsDisk`.
        var unsynced: [(PersistTicket, [JournalEntry])] = []
        var sent: [(to: Int, message: Message)] = []
        var notices: [Notice] = []
        var forgotten: [ContributionDigest] = []
        var droppedPieces: [ContributionDigest] = []
        var pieces: [ContributionDigest: [Bool]] = [:]
        var syncedHeaders: [CertifiedVersion] = []
        /// Parameters by root, as far as they are here: one flag a block.
        var parameters: [Digest: [Bool]] = [:]
        /// Signatures that its shell checked before the node handled the message.
        var checkedAhead = 0

        func hasParameters(_ root: Digest) -> Bool { parameters[root].map { !$0.contains(false) } ?? false }
    }

    /// Blocks of every version's parameters.
    static let blockCount = 5

    let genesis: Genesis
    let payloadPieces: Int
    var sites: [Site] = []
    var operatorKeys: [MemberID: SigningKey] = [:]
    /// Sites whose disk does not report back.
    var holdsDisk: Set<Int> = []
    /// Asked of every message before it is delivered.
    var drops: (_ from: Int, _ to: Int, Message) -> Bool = { _, _, _ in false }
    /// Asked of every piece before it is delivered.
    var dropsPiece: (_ from: Int, _ to: Int, PieceName) -> Bool = { _, _, _ in false }
    /// Sites that refuse every contribution of others, and why.
    var refusals: [Int: String] = [:]
    /// Authors whose contributions every site refuses.
    var refusedAuthors: Set<MemberID> = []
    /// Why no site can average anything.
    var refusesAveraging: String?
    /// Sites whose blocks do not stand under their root.
    var spoilsBlocks: Set<Int> = []
    /// What joiners were told of.
    var expected: VersionDigest?
    private(set) var now = Instant(milliseconds: 1)
    /// Sites whose replay does not come to an end.
    var holdsReplay: Set<Int> = []
    /// What a site's replay gives in place of what is right.
    var wrongReplay: [Int: StateRoots] = [:]
    private var queue = Arrivals()
    private var timers: [Int: Instant] = [:]
    private var nextHandle: UInt64 = 0
    private var spoiltHandles: Set<PieceHandle> = []
    private var unlinked: Set<LinkID> = []
    /// How long every line takes for a piece, one after the other on each; 0 for no time at all.
    var pieceMilliseconds: UInt64 = 0
    private var lineFreeAt: [LinkID: Instant] = [:]
    private var onTheWay: [(due: Instant, site: Int, event: Event)] = []
    private let verifier = Verifier()
    /// Whether shells check signatures ahead; then every node has a verifier of its own.
    private let checksAhead: Bool
    /// Every life of a node draws other numbers.
    private var lives: UInt64 = 0

    /// - Parameters:
    ///   - observers: sites beside the `count` members that have links and are no members.
    ///   - joiners: sites that begin without any parameters.
    init(
        count: Int, payloadPieces: Int = 2, retentionVersions: UInt32 = 1024, observers: Int = 0,
        joiners: Set<Int> = [], rules: Rules = Rules(), checksAhead: Bool = false
    ) throws {
        self.checksAhead = checksAhead
        var random = SeededRandom(simulationSeed: 7)
        self.payloadPieces = payloadPieces
        var members: [Member] = []
        var keys: [MemberID: SigningKey] = [:]
        for index in 0..<count {
            let site = SiteKeys(name: "site-\(index)", random: &random)
            keys[site.member.id] = site.nodeKey
            operatorKeys[site.member.id] = site.operatorKey
            members.append(site.member)
        }
        var rules = rules
        rules.pieceBytes = 1024
        rules.retentionVersions = retentionVersions
        genesis = Genesis(
            nonce: Digest(DigestDomain("test"), [1]), members: try MemberSet(members: members), rules: rules,
            // A dense kilobyte holds 256 parameters: the model is large enough for every payload of the tests.
            tensors: [TensorShape(name: "w", shape: [UInt64(max(64, payloadPieces)) * 64 * 1024])], attachments: [],
            roots: StateRoots(parameters: Digest(DigestDomain("test"), [2])))
        for (index, member) in genesis.members.members.enumerated() {
            let identity = NodeIdentity(
                member: member.id, nodeKey: keys[member.id]!, addresses: ["127.0.0.1:\(7000 + index)"])
            add(identity, isJoining: joiners.contains(index))
        }
        for index in 0..<observers {
            let member = MemberID(Digest(DigestDomain("test"), [4, UInt8(index)]))
            add(
                NodeIdentity(member: member, nodeKey: SigningKey(seed: random.secret(count: 32)), addresses: []),
                isJoining: joiners.contains(count + index))
        }
        for index in sites.indices { queue.append(index, .start) }
        for left in sites.indices { for right in sites.indices where left != right { link(left, right) } }
    }

    private func add(_ identity: NodeIdentity, isJoining: Bool) {
        let recovered = Recovered(chain: Chain(genesis: genesis), lacksParameters: isJoining)
        sites.append(Site(identity: identity, node: makeNode(identity, recovered)))
        if !isJoining {
            sites[sites.count - 1].parameters[genesis.roots.parameters] = Cluster.wholeParameters
        }
    }

    static var wholeParameters: [Bool] { Array(repeating: true, count: blockCount) }

    private func makeNode(_ identity: NodeIdentity, _ recovered: Recovered) -> Node {
        lives += 1
        return Node(
            identity: identity, timing: Timing(), recovered: recovered, verifier: checksAhead ? Verifier() : verifier,
            random: SeededRandom(simulationSeed: lives))
    }

    func linkID(_ from: Int, _ to: Int) -> LinkID { LinkID(UInt64(from * 100 + to + 1)) }

    /// Lets one more event happen to a site.
    func give(_ index: Int, _ event: Event) { queue.append(index, event) }

    /// A site that is no member yet and has links to everybody, as whoever was invited.
    func addNewcomer(_ identity: NodeIdentity) -> Int {
        let index = sites.count
        add(identity, isJoining: false)
        queue.append(index, .start)
        for other in sites.indices where other != index {
            link(index, other)
            link(other, index)
        }
        return index
    }

    private func link(_ from: Int, _ to: Int) {
        queue.append(from, .linkUp(linkID(from, to), sites[to].identity.member))
    }

    /// Takes the link between two sites away: both learn of it, and nothing passes between them any more.
    func unlink(_ left: Int, _ right: Int) {
        unlinked.formUnion([linkID(left, right), linkID(right, left)])
        queue.append(left, .linkDown(linkID(left, right)))
        queue.append(right, .linkDown(linkID(right, left)))
    }

    /// Every site that is up contributes to its own head.
    func contributeAll() {
        for index in sites.indices where sites[index].isUp { contribute(index) }
    }

    func contribute(_ index: Int, steps: UInt64 = 1) {
        let contribution = contribution(of: index, steps: steps)
        sites[index].pieces[contribution.contributionDigest] = Array(repeating: true, count: payloadPieces)
        queue.append(index, .contribute(contribution))
    }

    /// These sites contribute, and the round is closed without the others: that takes until the deadline. False where
    /// it is not closed.
    func contributeOnly(_ indices: Int...) -> Bool {
        for index in indices { contribute(index) }
        return run {
            sites.filter(\.isUp).allSatisfy { $0.node.headRound?.isClosed ?? ($0.node.chain.height > .genesis) }
        }
    }

    /// What this site makes on top of its own head.
    func contribution(
        of index: Int, steps: UInt64 = 1, pieces: Int? = nil, encoding: Encoding? = nil
    ) -> Contribution {
        let chain = sites[index].node.chain
        let leaves = (0..<payloadPieces).map {
            MerkleTree.leaf([UInt8(index), UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)])
        }
        return Contribution(
            network: chain.network, author: sites[index].identity.member, base: chain.headDigest,
            baseHeight: chain.height, encoding: encoding ?? chain.rules.encoding,
            payloadBytes: UInt64(pieces ?? payloadPieces) * 1024, pieceBytes: 1024,
            pieceRoot: MerkleTree(leaves: leaves).root, norm: 1, steps: steps, tokens: 1, lossCentinats: 1,
            dataSets: [], trainer: .zero)
    }

    /// Carries everything out until nothing is left to do but wait.
    func settle() {
        while !queue.isEmpty {
            let (index, event) = queue.takeFirst()
            guard sites[index].isUp else { continue }
            var effects: [Effect] = []
            checkAhead(event, at: index)
            sites[index].node.handle(event, now: now, into: &effects)
            for effect in effects { perform(effect, of: index) }
        }
    }

    /// Carries things out until a message that is sent satisfies `stop`, or nothing is left.
    func settleUntil(_ stop: (Message) -> Bool) {
        while !queue.isEmpty {
            let before = sites.map(\.sent.count)
            let (index, event) = queue.takeFirst()
            guard sites[index].isUp else { continue }
            var effects: [Effect] = []
            checkAhead(event, at: index)
            sites[index].node.handle(event, now: now, into: &effects)
            for effect in effects { perform(effect, of: index) }
            for message in sites[index].sent[before[index]...] where stop(message.message) { return }
        }
    }

    /// What a shell does with a message before it gives it to the core.
    private func checkAhead(_ event: Event, at index: Int) {
        guard checksAhead, case .message(let link, let bytes) = event else { return }
        for check in sites[index].node.signatureChecks(in: bytes, from: link) {
            sites[index].checkedAhead += 1
            sites[index].node.learn(check, isValid: check.isValid())
        }
    }

    /// Lets time pass from deadline to deadline until `condition` holds; false where it does not within `milliseconds`.
    func run(milliseconds: UInt64 = 600_000, until condition: () -> Bool) -> Bool {
        let end = now + milliseconds
        settle()
        while !condition() {
            let deadlines = timers.filter { sites[$0.key].isUp }.values + onTheWay.map(\.due)
            guard let next = deadlines.min(), next < end else { return false }
            now = max(next, now)
            for arrival in onTheWay where arrival.due <= now { queue.append(arrival.site, arrival.event) }
            onTheWay.removeAll { $0.due <= now }
            for index in sites.indices where timers[index].map({ $0 <= now }) ?? false {
                timers[index] = nil
                queue.append(index, .timer)
            }
            settle()
        }
        return true
    }

    private func perform(_ effect: Effect, of index: Int) {
        switch effect {
        case .send(let link, let bytes): deliver(bytes, from: index, over: link)
        case .sendVersion(let link, let height):
            guard let version = sites[index].adopted.first(where: { $0.height == height }) else { return }
            for bytes in Wire.messages(of: version) { deliver(bytes, from: index, over: link) }
        case .sendPiece(let link, let name):
            guard keepsPayload(name.contribution, at: index) else { return }
            guard sites[index].pieces[name.contribution]?[name.index] ?? false, !unlinked.contains(link) else { return }
            nextHandle += 1
            let (from, to) = ends(link)
            guard !dropsPiece(from, to, name) else { return }
            let arrival = Event.piece(linkID(to, from), name, byteCount: 1024, PieceHandle(nextHandle))
            guard pieceMilliseconds > 0 else {
                queue.append(to, arrival)
                return
            }
            let due = max(now, lineFreeAt[link] ?? now) + pieceMilliseconds
            lineFreeAt[link] = due
            onTheWay.append((due, to, arrival))
        case .storePiece(let contribution, let name, _, let link):
            sites[index].pieces[name.contribution, default: Array(repeating: false, count: contribution.pieceCount)][
                name.index] = true
            queue.append(index, .pieceStored(name, .stored, from: link))
        case .validate(let contribution):
            let refusal = refusals[index] ?? (refusedAuthors.contains(contribution.author) ? "index-out-of-order" : nil)
            let outcome = refusal.map { ValidationOutcome.refused($0) } ?? .valid
            queue.append(index, .validated(contribution.contributionDigest, outcome))
        case .average(let id, _, _) where refusesAveraging != nil:
            queue.append(index, .averagingRefused(id, reason: refusesAveraging ?? ""))
        case .average(let id, let parent, let manifest):
            let roots = Cluster.average(manifest.map(\.contribution), on: parent.roots)
            sites[index].parameters[roots.parameters] = Cluster.wholeParameters
            queue.append(index, .averaged(id, roots))
        case .replay(let chain):
            guard !holdsReplay.contains(index) else { return }
            queue.append(index, replayed(chain, of: index))
        case .persist(let ticket, let entries):
            if holdsDisk.contains(index) {
                sites[index].unsynced.append((ticket, entries))
            } else {
                commit(entries, of: index)
                queue.append(index, .persisted(ticket))
            }
        case .setTimer(let instant): timers[index] = instant
        case .emit(let notice): sites[index].notices.append(notice)
        case .close(let link, _):
            let (from, to) = ends(link)
            queue.append(to, .linkDown(linkID(to, from)))
        case .forget(let digest): sites[index].forgotten.append(digest)
        case .dropPieces(let digest):
            sites[index].droppedPieces.append(digest)
            sites[index].pieces[digest] = nil
        case .addresses, .dropPiece: break
        case .sendHeaders(let link, let from):
            // One answer, three versions: as if they were large.
            let versions = sites[index].adopted.filter { $0.height >= from }.prefix(3)
            for version in versions {
                let isLast = version.height == versions.last?.height
                for bytes in Wire.headerMessages(of: version, isLast: isLast) {
                    deliver(bytes, from: index, over: link)
                }
            }
        case .sendBlocks(let link, let root, let blocks): sendBlocks(root, blocks, from: index, over: link)
        case .openParameters(let root):
            let held = sites[index].parameters[root] ?? Array(repeating: false, count: Cluster.blockCount)
            sites[index].parameters[root] = held
            queue.append(index, .parametersOpened(root, held: held))
        case .storeBlock(let name, let handle, let link):
            let isSpoilt = spoiltHandles.remove(handle) != nil
            if !isSpoilt { sites[index].parameters[name.root]?[name.index] = true }
            queue.append(index, .blockStored(name, isSpoilt ? .mismatch : .stored, from: link))
        case .completeParameters(let root):
            queue.append(index, .parametersCompleted(root, held: sites[index].parameters[root] ?? []))
        }
    }

    /// Sends the blocks of a version that the site keeps by the rules.
    private func sendBlocks(_ root: Digest, _ blocks: [Int], from index: Int, over link: LinkID) {
        let (from, to) = ends(link)
        let head = sites[index].node.chain.height
        let heights =
            [(Height.genesis, genesis.roots.parameters)]
            + sites[index].adopted.map { ($0.height, $0.version.roots.parameters) }
        let isKept = heights.contains { $0.1 == root && genesis.rules.keepsBase($0.0, head: head) }
        guard !unlinked.contains(link) else { return }
        guard isKept, sites[index].hasParameters(root) else {
            return deliver(Wire.absentBlocks(of: root), from: index, over: link)
        }
        for block in blocks where (0..<Cluster.blockCount).contains(block) {
            let name = BlockName(root: root, index: block).asPiece
            guard !dropsPiece(from, to, name) else { continue }
            nextHandle += 1
            if spoilsBlocks.contains(index) { spoiltHandles.insert(PieceHandle(nextHandle)) }
            queue.append(to, .piece(linkID(to, from), name, byteCount: 1024, PieceHandle(nextHandle)))
        }
    }

    private func keepsPayload(_ contribution: ContributionDigest, at index: Int) -> Bool {
        let head = sites[index].node.chain.height
        for certified in sites[index].adopted {
            for listed in certified.contributions where listed.body.contributionDigest == contribution {
                return genesis.rules.keepsPayload(base: listed.body.baseHeight, head: head)
            }
        }
        return true
    }

    private func ends(_ link: LinkID) -> (from: Int, to: Int) {
        (Int((link.value - 1) / 100), Int((link.value - 1) % 100))
    }

    private func deliver(_ bytes: [UInt8], from index: Int, over link: LinkID) {
        let (from, to) = ends(link)
        guard let message = try? Message(encoded: bytes) else { return }
        sites[index].sent.append((to, message))
        guard sites[to].isUp, !unlinked.contains(link), !drops(from, to, message) else { return }
        queue.append(to, .message(linkID(to, from), bytes))
    }

    /// A time at which `run` asks its condition.
    func wake(_ index: Int, at due: Instant) { onTheWay.append((due, index, .timer)) }

    /// An event of the site's own shell.
    func feed(_ event: Event, to index: Int) { queue.append(index, event) }

    /// What a hostile site sends, over its link.
    func inject(_ message: Message, from: Int, to: Int) {
        queue.append(to, .message(linkID(to, from), message.encoded))
    }

    /// A quorum's certificate, or fewer signatures, by `signers` with their own keys.
    func votes(_ vote: Vote, by signers: [Int]) -> VoteCertificate {
        var signatures: [Int: Signature] = [:]
        for index in signers {
            signatures[index] = vote.signature(by: sites[index].identity.nodeKey, network: genesis.network)
        }
        return VoteCertificate(
            network: genesis.network, vote: vote,
            signatures: QuorumSignatures(signatures, memberCount: genesis.members.count))
    }

    /// What stands for an average of these contributions.
    static func average(_ contributions: [ContributionDigest], on parent: StateRoots) -> StateRoots {
        guard !contributions.isEmpty else { return parent }
        return StateRoots(
            parameters: Digest(DigestDomain("test"), parent.parameters.bytes + contributions.flatMap(\.digest.bytes)))
    }

    /// What happened at a site outside of its links.
    func happen(_ event: Event, at index: Int) { queue.append(index, event) }

    private func commit(_ entries: [JournalEntry], of index: Int) {
        for entry in entries {
            switch entry {
            case .adopt(let certified):
                sites[index].adopted.append(certified)
                sites[index].syncedHeaders = []
            case .headerSynced(let certified): sites[index].syncedHeaders.append(certified)
            case .stateSynced(let certified):
                sites[index].adopted += sites[index].syncedHeaders.filter { $0.height <= certified.height }
                sites[index].syncedHeaders = []
            default: sites[index].journal.append(entry)
            }
        }
    }

    /// The disk of a held site goes on.
    func releaseDisk(_ index: Int) {
        holdsDisk.remove(index)
        for (ticket, entries) in sites[index].unsynced {
            commit(entries, of: index)
            queue.append(index, .persisted(ticket))
        }
        sites[index].unsynced = []
    }

    func crash(_ index: Int) {
        sites[index].isUp = false
        sites[index].unsynced = []
        timers[index] = nil
        queue.removeAll(of: index)
        for other in sites.indices where other != index { queue.append(other, .linkDown(linkID(other, index))) }
    }

    func restart(_ index: Int) throws {
        var chain = Chain(genesis: genesis)
        for certified in sites[index].adopted { chain = try chain.advanced(by: certified.embedded) }
        let isAdopted = sites[index].adopted.contains { $0.version.versionDigest == expected }
        var headerSync = HeaderSync(chain: chain, awaiting: isAdopted ? nil : expected)
        for certified in sites[index].syncedHeaders { try headerSync.extend(by: certified) }
        sites[index].node = makeNode(
            sites[index].identity,
            Recovered(
                chain: chain, head: sites[index].adopted.last, journal: sites[index].journal,
                pieces: sites[index].pieces,
                listed: Set(sites[index].adopted.flatMap { $0.version.manifest.map(\.contribution) }),
                headerSync: headerSync,
                lacksParameters: !sites[index].hasParameters(chain.head.roots.parameters)))
        sites[index].isUp = true
        queue.append(index, .start)
        for other in sites.indices where other != index && sites[other].isUp {
            link(index, other)
            link(other, index)
        }
    }

    func isMember(_ index: Int) -> Bool { genesis.members[sites[index].identity.member] != nil }

    var heights: [UInt64] { sites.map(\.node.chain.height.value) }

    /// Rounds until every site that is up has reached `height`, each contributing once a version.
    func reach(_ height: UInt64) -> Bool {
        var contributed: [Int: VersionDigest] = [:]
        return run {
            for index in sites.indices where sites[index].isUp && isMember(index) {
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

/// Events that wait, in the order in which they came.
private struct Arrivals {
    private var items: [(site: Int, event: Event)] = []
    /// Items before this one are gone; an array that lost its first item each time would move all others.
    private var first = 0

    var isEmpty: Bool { first == items.count }

    mutating func append(_ site: Int, _ event: Event) { items.append((site, event)) }

    mutating func removeAll(of site: Int) {
        items = items[first...].filter { $0.site != site }
        first = 0
    }

    mutating func takeFirst() -> (site: Int, event: Event) {
        let item = items[first]
        first += 1
        if first >= 1024 || isEmpty {
            items.removeFirst(first)
            first = 0
        }
        return item
    }
}
