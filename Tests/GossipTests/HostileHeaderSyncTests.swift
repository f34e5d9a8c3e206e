import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// Peers that claim more than there is, to keep whoever catches up waiting for it.
struct HostileHeaderSyncTests {
    /// What a faulty peer does once it is asked for the versions that it claims.
    enum Answer: CaseIterable {
        case nothing
        /// One part of a large version, and then nothing.
        case onePart
        /// A byte of a large version every nine seconds.
        case trickle
        /// It comes back with another link after nine seconds.
        case newLink
    }

    private var overclaim: Message {
        .summary(
            InventorySummary(
                height: Height(1 << 40), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
    }

    /// From now on these sites tell site `victim` only of a height that nobody has reached, and answer its header
    /// requests so.
    private func lie(_ cluster: Cluster, _ faultyPeers: Set<Int>, to victim: Int, _ answer: Answer) -> (Cluster) -> Void
    {
        let overclaim = overclaim
        var asked: [Int: (from: Height, offset: Int, next: Instant)] = [:]
        func give(_ faulty: Int) {
            guard let (from, offset, _) = asked[faulty] else { return }
            let part = HeaderPart(height: from, offset: offset, byteCount: 16 << 20, isLast: false, bytes: [1])
            cluster.inject(.headerPart(part), from: faulty, to: victim)
            asked[faulty] = (from, offset + 1, cluster.now + 9_000)
        }
        cluster.drops = { [unowned cluster] from, to, message in
            if faultyPeers.contains(from), to == victim {
                switch message {
                case .summary: cluster.inject(overclaim, from: from, to: to)
                case .headerPart, .certified: break
                default: return false
                }
                return true
            }
            guard from == victim, faultyPeers.contains(to), case .requestHeaders(let height) = message else {
                return false
            }
            asked[to] = (height, 0, cluster.now + 9_000)
            switch answer {
            case .nothing, .newLink: break
            case .onePart, .trickle: give(to)
            }
            return true
        }
        return { cluster in
            for (faulty, state) in asked.sorted(by: { $0.key < $1.key }) where state.next <= cluster.now {
                switch answer {
                case .nothing, .onePart: break
                case .trickle: give(faulty)
                case .newLink:
                    asked[faulty] = nil
                    cluster.feed(.linkDown(cluster.linkID(victim, faulty)), to: victim)
                    cluster.feed(
                        .linkUp(cluster.linkID(victim, faulty), cluster.sites[faulty].identity.member), to: victim)
                    cluster.inject(overclaim, from: faulty, to: victim)
                }
            }
        }
    }

    private func catchesUp(_ cluster: Cluster, _ index: Int, milliseconds: UInt64, whileLying: (Cluster) -> Void)
        -> Bool
    {
        cluster.run(milliseconds: milliseconds) {
            whileLying(cluster)
            cluster.settle()
            return cluster.sites[index].node.chain.height >= Height(12)
        }
    }

    @Test(arguments: Answer.allCases) func aFaultyPeerDoesNotKeepAMemberFarBehind(_ answer: Answer) throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(12))
        let lying = lie(cluster, [0], to: 3, answer)
        try cluster.restart(3)
        #expect(catchesUp(cluster, 3, milliseconds: 60_000, whileLying: lying))
    }

    @Test(arguments: Answer.allCases) func aFaultyPeerKeepsNoMemberWithoutParametersFromJoining(_ answer: Answer) throws
    {
        let cluster = try Cluster(count: 4, retentionVersions: 8, joiners: [3])
        cluster.crash(3)
        #expect(cluster.reach(12))
        let lying = lie(cluster, [0], to: 3, answer)
        try cluster.restart(3)
        #expect(catchesUp(cluster, 3, milliseconds: 60_000, whileLying: lying))
    }

    @Test(
        "A member that claims a height and gives nothing is suspected after a timeout in all, though adoptions end its requests"
    )
    func membersThatOverclaimAreSuspected() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        cluster.settle()
        var requests = 0
        cluster.drops = { from, to, message in
            switch message {
            case .summary: return from == 0 && to == 3
            case .requestHeaders where to == 0:
                requests += 1
                return true
            default: return false
            }
        }
        for _ in 0..<20 {
            cluster.inject(overclaim, from: 0, to: 3)
            cluster.contributeAll()
            _ = cluster.run(milliseconds: 5000) { false }
        }
        #expect(cluster.sites[3].node.chain.height >= Height(20))
        #expect((2...12).contains(requests))
        #expect(cluster.sites[3].node.synchronisation.suspected[cluster.sites[0].identity.member] != nil)
    }

    /// What a member may leave out of the versions that it gives to a node that syncs headers.
    enum Omission: CaseIterable {
        case ready, closings, availability, contributions

        func apply(to certified: CertifiedVersion) -> CertifiedVersion {
            let embedded = certified.embedded
            return CertifiedVersion(
                embedded: EmbeddedPayload(
                    payload: embedded.payload, ready: self == .ready ? [] : embedded.ready,
                    closings: self == .closings ? [] : embedded.closings,
                    availability: self == .availability ? [] : embedded.availability, action: embedded.action),
                certificate: certified.certificate, contributions: self == .contributions ? [] : certified.contributions
            )
        }
    }

    @Test(
        "A member that gives certified versions without a part of them is cut off, and stops no node",
        arguments: Omission.allCases)
    func tamperedVersionsStopNoNode(_ omission: Omission) throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(12))
        var isGiven = false
        cluster.drops = { [unowned cluster, overclaim] from, to, message in
            if from == 0, to == 3 {
                switch message {
                case .summary: cluster.inject(overclaim, from: from, to: to)
                case .headerPart, .certified: break
                default: return false
                }
                return true
            }
            // Only the faulty member answers at first.
            guard from == 3, case .requestHeaders(let height) = message else { return false }
            guard to == 0 else { return !isGiven }
            if let version = cluster.sites[0].adopted.first(where: { $0.height == height }) {
                let bytes = omission.apply(to: version).encoded
                let part = HeaderPart(height: height, offset: 0, byteCount: bytes.count, isLast: true, bytes: bytes)
                cluster.inject(.headerPart(part), from: 0, to: 3)
                isGiven = true
            }
            return true
        }
        try cluster.restart(3)
        #expect(cluster.run(milliseconds: 300_000) { cluster.sites[3].node.chain.height >= Height(12) })
        #expect(isGiven)
        #expect(cluster.sites[3].node.alarms.isEmpty)
        #expect(cluster.sites[3].node.links.link(to: cluster.sites[0].identity.member) == nil)
    }

    /// So many that asking the last of them ends when the first may be asked again.
    @Test func manyFaultyPeersInARowComeToAnEnd() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8, observers: 12)
        let faultyPeers = 4..<16
        cluster.settle()
        for site in 3..<16 { cluster.crash(site) }
        #expect(cluster.reach(12))
        try cluster.restart(3)
        for faulty in faultyPeers {
            cluster.feed(.linkUp(cluster.linkID(3, faulty), cluster.sites[faulty].identity.member), to: 3)
            cluster.inject(overclaim, from: faulty, to: 3)
        }
        #expect(cluster.run(milliseconds: 180_000) { cluster.sites[3].node.chain.height >= Height(12) })
    }

    /// Whoever failed once and was honest all along is asked again where nobody else has more.
    @Test func aPeerThatFailedIsAskedAgain() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(12))
        cluster.drops = { _, to, message in
            if to == 3, case .headerPart = message { return true }
            return false
        }
        try cluster.restart(3)
        _ = cluster.run(milliseconds: 60_000) { false }
        #expect(cluster.sites[3].node.synchronisation.suspected.count == 3)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run(milliseconds: 300_000) { cluster.sites[3].node.chain.height >= Height(12) })
        #expect(cluster.sites[3].node.synchronisation.suspected.isEmpty)
    }

    /// 100 kB/s, in parts as an honest peer cuts them.
    @Test func aSlowPeerHasTheTimeThatItsBytesTake() {
        let member = MemberID(Digest(DigestDomain("test"), [1]))
        var request = HeaderRequest(link: LinkID(1), member: member, asked: Instant(milliseconds: 0))
        let byteCount = Wire.versionBytesMaximum
        var whole: [UInt8]?
        for offset in stride(from: 0, to: byteCount, by: 60 << 10) {
            let bytes = [UInt8](repeating: 7, count: min(60 << 10, byteCount - offset))
            let now = Instant(milliseconds: UInt64(offset + bytes.count) / 100)
            #expect(now < request.deadline(pieceTimeout: 10_000))
            whole = request.take(
                HeaderPart(height: Height(1), offset: offset, byteCount: byteCount, isLast: true, bytes: bytes))
        }
        #expect(whole?.count == byteCount)
    }

    /// What a version on the way changes of the rules leaves a state sync that is being written alone.
    @Test func aChangeOfTheRulesDuringAStateSyncLeavesItAlone() throws {
        let cluster = try Cluster(count: 4, retentionVersions: 8)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(6))
        let root = try #require(cluster.sites[0].adopted.first { $0.height == Height(4) }).version.roots.parameters
        cluster.dropsPiece = { [unowned cluster] _, to, name in
            guard to == 3 else { return false }
            if name.contribution.digest == root { cluster.holdsDisk.insert(3) }
            return name.contribution.digest != root
        }
        try cluster.restart(3)
        #expect(cluster.run { cluster.sites[3].node.synchronisation.fetch?.stage == .adopting })
        var rules = cluster.genesis.rules
        rules.retentionVersions = 1024
        cluster.propose(cluster.action(.rules(rules)), by: [0, 1, 2])
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run { cluster.sites[3].node.synchronisation.headerSync.tip.chain.rules == rules })
        let changed = cluster.sites[3].node.synchronisation.headerSync.height
        #expect(changed > Height(6))
        cluster.dropsPiece = { _, _, _ in false }
        cluster.releaseDisk(3)
        #expect(cluster.run { cluster.sites[3].node.chain.height >= changed })
        #expect(cluster.sites[3].node.chain.rules == rules)
    }
}
