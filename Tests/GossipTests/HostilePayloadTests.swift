import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// What a leader can make others request, keep and compute by what it names, and any peer by what it asks for.
@Suite struct HostilePayloadTests {
    private static func digests(_ range: ClosedRange<UInt64>) -> [Digest] {
        range.map { Digest(DigestDomain("test"), withUnsafeBytes(of: $0.bigEndian) { Array($0) }) }
    }

    /// A cluster in which the leader of the first view shows a payload to another member.
    private struct Stage {
        let cluster: Cluster
        let leader: Int
        let victim: Int

        init() throws {
            cluster = try Cluster(count: 4)
            leader = cluster.sites[0].node.height.leader(of: .first)
            victim = (leader + 1) % 4
            cluster.settle()
            cluster.contributeAll()
            cluster.settleUntil { if case .ready = $0 { true } else { false } }
        }

        func signed<Body: Statement>(_ body: Body) -> Signed<Body> {
            let identity = cluster.sites[leader].identity
            return Signed(body, signer: identity.member, key: identity.nodeKey, network: cluster.genesis.network)
        }

        /// - Returns: the version's digest.
        @discardableResult
        func show(
            ready: [Digest], closings: [Digest] = [], manifest: [ManifestEntry] = [], rules: Digest? = nil
        ) -> VersionDigest {
            let chain = cluster.sites[victim].node.chain
            let support = Support(ready: ready, closings: closings)
            let version = Version(
                network: chain.network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest,
                action: nil, rules: rules ?? chain.rules.digest, members: chain.members.digest, support: support.digest,
                roots: chain.head.roots)
            let proposal = Proposal(
                height: chain.nextHeight, view: .first, version: version.versionDigest, reproposed: .none)
            cluster.inject(.proposal(signed(proposal)), from: leader, to: victim)
            cluster.inject(.payload(Payload(version: version, support: support)), from: leader, to: victim)
            return version.versionDigest
        }

        func entry(_ author: Int, base: VersionDigest? = nil) -> ManifestEntry {
            let chain = cluster.sites[victim].node.chain
            let slot = Slot(author: cluster.sites[author].identity.member, base: base ?? chain.headDigest)
            return ManifestEntry(
                slot: slot, baseHeight: chain.height, contribution: ContributionDigest(.zero), availability: .zero,
                weightQ30: UInt64(Rules.oneQ30))
        }

        /// Whether the victim refused it before anything that it names was there.
        func isRefusedForItsShape(_ version: VersionDigest) -> Bool {
            cluster.sites[victim].notices.contains {
                if case .payloadRefused(_, let payload, nil, _) = $0 {
                    payload.version.versionDigest == version
                } else {
                    false
                }
            }
        }

        /// Things that the victim requested since the stage was set.
        func requested(since count: Int) -> [FetchItem] {
            cluster.sites[victim].sent[count...].flatMap { sent -> [FetchItem] in
                if case .fetch(let items) = sent.message { items } else { [] }
            }
        }
    }

    enum Excess: CaseIterable {
        case closingsOfNothing
        case readyRecords
        case foreignSlot
        case rulesWithoutAction
    }

    @Test(arguments: Excess.allCases)
    func payload_namingMoreThanItsHeightCanHave_isRefusedBeforeAnythingIsRequested(excess: Excess) throws {
        let stage = try Stage()
        let (cluster, victim) = (stage.cluster, stage.victim)
        let quorum = Self.digests(1...3)
        let before = cluster.sites[victim].sent.count
        let shown =
            switch excess {
            case .closingsOfNothing: stage.show(ready: quorum, closings: Self.digests(10...26))
            case .readyRecords: stage.show(ready: Self.digests(1...1000))
            case .foreignSlot: stage.show(ready: quorum, manifest: [stage.entry(0, base: VersionDigest(.zero))])
            case .rulesWithoutAction: stage.show(ready: quorum, rules: .zero)
            }
        cluster.settle()
        let node = cluster.sites[victim].node
        #expect(stage.isRefusedForItsShape(shown))
        #expect(node.height.payloads[shown] == nil)
        let names = Set(Self.digests(1...1000))
        let requested = stage.requested(since: before).contains { item in
            switch item {
            case .ready(let digest), .closing(let digest): names.contains(digest)
            default: false
            }
        }
        #expect(!requested)
        #expect(cluster.reach(2))
    }

    @Test func closing_longerThanAnySet_isRefusedWithoutRequestingWhatItNames() throws {
        let stage = try Stage()
        let (cluster, victim) = (stage.cluster, stage.victim)
        let names = ClosingNames(statements: Self.digests(1...1000))
        let shown = stage.show(ready: Self.digests(1...3), closings: [names.digest], manifest: [stage.entry(0)])
        cluster.inject(.closing(names), from: stage.leader, to: victim)
        let before = cluster.sites[victim].sent.count
        cluster.settle()
        #expect(stage.isRefusedForItsShape(shown))
        #expect(cluster.sites[victim].node.commitments.closings[names.digest] == nil)
        let asked = stage.requested(since: before).contains { if case .closed = $0 { true } else { false } }
        #expect(!asked)
        #expect(cluster.reach(2))
    }

    /// The log of requests is full: what does not fit waits. Before, it was emptied, and everything was due again.
    @Test func requests_ofMoreThanTheLogHolds_areMadeOnceAnInterval() {
        var log = FetchLog()
        let items = Self.digests(1...10_000).map { FetchItem.closed($0) }
        func ask(at milliseconds: UInt64) -> Int {
            var asked = 0
            for _ in 0..<100 {
                asked += log.take(items, now: Instant(milliseconds: milliseconds), interval: 1_000).count
            }
            return asked
        }
        #expect(ask(at: 5_000) == FetchLog.capacity)
        #expect(ask(at: 5_999) == 0)
        #expect(ask(at: 6_000) == FetchLog.capacity)
        #expect(log.count <= FetchLog.capacity)
    }

    @Test func requests_thatNobodyCanAnswer_useUpTheBudgetOfTheirMemberAndOfNoOther() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        let known = try #require(cluster.sites[0].node.headVersion?.embedded.ready.first?.objectDigest)
        let (flooder, other) = (1, 2)
        func isAnswered(_ member: Int) -> Bool {
            let before = cluster.sites[0].sent.count
            cluster.inject(.fetch([.ready(known)]), from: member, to: 0)
            cluster.settle()
            return cluster.sites[0].sent[before...].contains { sent in
                if case .ready(let record) = sent.message {
                    sent.to == member && record.objectDigest == known
                } else {
                    false
                }
            }
        }
        #expect(isAnswered(flooder))
        let unknown = Self.digests(1...UInt64(FetchLog.capacity)).map { FetchItem.closed($0) }
        for start in stride(from: 0, to: unknown.count, by: Wire.fetchItemsMaximum) {
            cluster.inject(.fetch(Array(unknown[start..<start + Wire.fetchItemsMaximum])), from: flooder, to: 0)
        }
        cluster.settle()
        #expect(!isAnswered(flooder))
        #expect(isAnswered(other))
        // A new link does not begin again; time does.
        cluster.unlink(0, flooder)
        cluster.happen(.linkUp(cluster.linkID(0, flooder), cluster.sites[flooder].identity.member), at: 0)
        cluster.settle()
        #expect(!isAnswered(flooder))
    }
}
