import Crypto
import Ledger
import Testing

@testable import Gossip

/// Peers that claim more than there is, to keep whoever catches up waiting for it.
struct HostileWalkTests {
    /// What a liar does once it is asked for the versions that it claims.
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
            Summary(
                height: Height(1 << 40), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
    }

    /// From now on these sites tell site `victim` only of a height that nobody has reached, and answer its walks so.
    private func lie(_ town: Town, _ liars: Set<Int>, to victim: Int, _ answer: Answer) -> (Town) -> Void {
        let overclaim = overclaim
        var asked: [Int: (from: Height, offset: Int, next: Instant)] = [:]
        func give(_ liar: Int) {
            guard let (from, offset, _) = asked[liar] else { return }
            let part = WalkPart(height: from, offset: offset, byteCount: 16 << 20, isLast: false, bytes: [1])
            town.inject(.walkPart(part), from: liar, to: victim)
            asked[liar] = (from, offset + 1, town.now + 9_000)
        }
        town.drops = { [unowned town] from, to, message in
            if liars.contains(from), to == victim {
                switch message {
                case .summary: town.inject(overclaim, from: from, to: to)
                case .walkPart, .certified: break
                default: return false
                }
                return true
            }
            guard from == victim, liars.contains(to), case .walk(let height) = message else { return false }
            asked[to] = (height, 0, town.now + 9_000)
            switch answer {
            case .nothing, .newLink: break
            case .onePart, .trickle: give(to)
            }
            return true
        }
        return { town in
            for (liar, state) in asked.sorted(by: { $0.key < $1.key }) where state.next <= town.now {
                switch answer {
                case .nothing, .onePart: break
                case .trickle: give(liar)
                case .newLink:
                    asked[liar] = nil
                    town.feed(.linkDown(town.linkID(victim, liar)), to: victim)
                    town.feed(.linkUp(town.linkID(victim, liar), town.sites[liar].identity.member), to: victim)
                    town.inject(overclaim, from: liar, to: victim)
                }
            }
        }
    }

    private func catchesUp(_ town: Town, _ index: Int, milliseconds: UInt64, whileLying: (Town) -> Void) -> Bool {
        town.run(milliseconds: milliseconds) {
            whileLying(town)
            town.settle()
            return town.sites[index].node.chain.height >= Height(12)
        }
    }

    @Test(arguments: Answer.allCases) func aLiarDoesNotKeepAMemberFarBehind(_ answer: Answer) throws {
        let town = try Town(count: 4, retentionVersions: 8)
        town.settle()
        town.crash(3)
        #expect(town.reach(12))
        let lying = lie(town, [0], to: 3, answer)
        try town.restart(3)
        #expect(catchesUp(town, 3, milliseconds: 60_000, whileLying: lying))
    }

    @Test(arguments: Answer.allCases) func aLiarKeepsNoMemberWithoutParametersFromJoining(_ answer: Answer) throws {
        let town = try Town(count: 4, retentionVersions: 8, joiners: [3])
        town.crash(3)
        #expect(town.reach(12))
        let lying = lie(town, [0], to: 3, answer)
        try town.restart(3)
        #expect(catchesUp(town, 3, milliseconds: 60_000, whileLying: lying))
    }

    @Test(
        "A member that claims a height and gives nothing is doubted after a timeout in all, though adoptions end its requests"
    )
    func overclaimsAreDoubted() throws {
        let town = try Town(count: 4, retentionVersions: 8)
        town.settle()
        var requests = 0
        town.drops = { from, to, message in
            switch message {
            case .summary: return from == 0 && to == 3
            case .walk where to == 0:
                requests += 1
                return true
            default: return false
            }
        }
        for _ in 0..<20 {
            town.inject(overclaim, from: 0, to: 3)
            town.contributeAll()
            _ = town.run(milliseconds: 5000) { false }
        }
        #expect(town.sites[3].node.chain.height >= Height(20))
        #expect((2...12).contains(requests))
        #expect(town.sites[3].node.synchronisation.doubted[town.sites[0].identity.member] != nil)
    }

    /// What a member may leave out of the versions that it gives to a node that walks.
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
        let town = try Town(count: 4, retentionVersions: 8)
        town.settle()
        town.crash(3)
        #expect(town.reach(12))
        var isGiven = false
        town.drops = { [unowned town, overclaim] from, to, message in
            if from == 0, to == 3 {
                switch message {
                case .summary: town.inject(overclaim, from: from, to: to)
                case .walkPart, .certified: break
                default: return false
                }
                return true
            }
            // Only the faulty member answers at first.
            guard from == 3, case .walk(let height) = message else { return false }
            guard to == 0 else { return !isGiven }
            if let version = town.sites[0].adopted.first(where: { $0.height == height }) {
                let bytes = omission.apply(to: version).encoded
                let part = WalkPart(height: height, offset: 0, byteCount: bytes.count, isLast: true, bytes: bytes)
                town.inject(.walkPart(part), from: 0, to: 3)
                isGiven = true
            }
            return true
        }
        try town.restart(3)
        #expect(town.run(milliseconds: 300_000) { town.sites[3].node.chain.height >= Height(12) })
        #expect(isGiven)
        #expect(town.sites[3].node.alarms.isEmpty)
        #expect(town.sites[3].node.links.link(to: town.sites[0].identity.member) == nil)
    }

    /// So many that asking the last of them ends when the first may be asked again.
    @Test func manyLiarsInARowComeToAnEnd() throws {
        let town = try Town(count: 4, retentionVersions: 8, observers: 12)
        let liars = 4..<16
        town.settle()
        for site in 3..<16 { town.crash(site) }
        #expect(town.reach(12))
        try town.restart(3)
        for liar in liars {
            town.feed(.linkUp(town.linkID(3, liar), town.sites[liar].identity.member), to: 3)
            town.inject(overclaim, from: liar, to: 3)
        }
        #expect(town.run(milliseconds: 180_000) { town.sites[3].node.chain.height >= Height(12) })
    }

    /// Whoever failed once and was honest all along is asked again where nobody else has more.
    @Test func aPeerThatFailedIsAskedAgain() throws {
        let town = try Town(count: 4, retentionVersions: 8)
        town.settle()
        town.crash(3)
        #expect(town.reach(12))
        town.drops = { _, to, message in
            if to == 3, case .walkPart = message { return true }
            return false
        }
        try town.restart(3)
        _ = town.run(milliseconds: 60_000) { false }
        #expect(town.sites[3].node.synchronisation.doubted.count == 3)
        town.drops = { _, _, _ in false }
        #expect(town.run(milliseconds: 300_000) { town.sites[3].node.chain.height >= Height(12) })
        #expect(town.sites[3].node.synchronisation.doubted.isEmpty)
    }

    /// 100 kB/s, in parts as an honest peer cuts them.
    @Test func aSlowPeerHasTheTimeThatItsBytesTake() {
        let member = MemberID(Digest(DigestDomain("test"), [1]))
        var request = WalkRequest(link: LinkID(1), member: member, asked: Instant(milliseconds: 0))
        let byteCount = Wire.versionBytesMaximum
        var whole: [UInt8]?
        for offset in stride(from: 0, to: byteCount, by: 60 << 10) {
            let bytes = [UInt8](repeating: 7, count: min(60 << 10, byteCount - offset))
            let now = Instant(milliseconds: UInt64(offset + bytes.count) / 100)
            #expect(now < request.deadline(pieceTimeout: 10_000))
            whole = request.take(
                WalkPart(height: Height(1), offset: offset, byteCount: byteCount, isLast: true, bytes: bytes))
        }
        #expect(whole?.count == byteCount)
    }

    /// What a version on the way changes of the rules leaves a jump that is being written alone.
    @Test func aChangeOfTheRulesDuringAJumpLeavesItAlone() throws {
        let town = try Town(count: 4, retentionVersions: 8)
        town.settle()
        town.crash(3)
        #expect(town.reach(6))
        let root = try #require(town.sites[0].adopted.first { $0.height == Height(4) }).version.roots.parameters
        town.dropsPiece = { [unowned town] _, to, name in
            guard to == 3 else { return false }
            if name.contribution.digest == root { town.holdsDisk.insert(3) }
            return name.contribution.digest != root
        }
        try town.restart(3)
        #expect(town.run { town.sites[3].node.synchronisation.fetch?.stage == .adopting })
        var rules = town.genesis.rules
        rules.retentionVersions = 1024
        town.propose(town.action(.rules(rules)), by: [0, 1, 2])
        for index in 0..<3 { town.contribute(index) }
        #expect(town.run { town.sites[3].node.synchronisation.walk.tip.chain.rules == rules })
        let changed = town.sites[3].node.synchronisation.walk.height
        #expect(changed > Height(6))
        town.dropsPiece = { _, _, _ in false }
        town.releaseDisk(3)
        #expect(town.run { town.sites[3].node.chain.height >= changed })
        #expect(town.sites[3].node.chain.rules == rules)
    }
}
