import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

struct ViewTests {
    /// A cluster in which everybody is ready and nobody hears a proposal or a vote: views end by time alone.
    private func deafCluster() throws -> Cluster {
        let cluster = try Cluster(count: 4)
        cluster.drops = { _, _, message in
            switch message {
            case .proposal, .votes: true
            default: false
            }
        }
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        return cluster
    }

    private func hasNullified(_ view: View, _ effects: [Effect]) -> Bool {
        effects.contains { effect in
            guard case .persist(_, let entries) = effect else { return false }
            return entries.contains { entry in
                if case .vote(let signed) = entry {
                    signed.body.kind == .nullify && signed.body.view == view
                } else {
                    false
                }
            }
        }
    }

    /// Votes that finalize a view come again even where everybody has gone on to the next.
    @Test func lostVotesToFinalizeComeAgainInTheNextView() throws {
        let cluster = try Cluster(count: 4)
        var losesFinalize = true
        cluster.drops = { _, _, message in
            switch message {
            case .proposal(let proposal): proposal.body.view > .first
            case .votes(let votes): losesFinalize && votes.vote.kind == .finalize
            default: false
            }
        }
        cluster.settle()
        cluster.contributeAll()
        cluster.settle()
        #expect(cluster.sites.allSatisfy { $0.node.height.view == View(2) && !$0.node.height.own.finalized.isEmpty })
        losesFinalize = false
        #expect(cluster.run(milliseconds: 60_000) { cluster.heights.allSatisfy { $0 == 1 } })
    }

    /// A certificate far ahead must not make a node forget what it said below: nobody else may be able to say it again.
    @Test func anOwnVoteBelowIsSentAgainAfterAJumpOverManyViews() throws {
        let cluster = try deafCluster()
        #expect(cluster.run(milliseconds: 10_000) { !cluster.sites[0].node.height.own.nullified.isEmpty })
        let far = View(40)
        let height = cluster.sites[0].node.height.height
        cluster.inject(.votes(cluster.votes(.nullify(height: height, view: far), by: [1, 2, 3])), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.height.view == far.next)
        // Answers to summaries are rate-limited: only the one below is to come in.
        cluster.drops = { _, _, _ in true }
        _ = cluster.run(milliseconds: 20_000) { false }
        let sentBefore = cluster.sites[0].sent.count
        let open = InventorySummary.ViewPart(
            view: .first, proposals: [], notarize: [], finalize: [], nullify: Bitmap(count: 4), isNotarized: false,
            isNullified: false)
        let chain = cluster.sites[0].node.chain
        cluster.inject(
            .summary(
                InventorySummary(
                    height: chain.height, head: chain.headDigest, view: far.next, ready: Bitmap(count: 4),
                    closed: Bitmap(count: 4),
                    views: [open], candidates: [])), from: 1, to: 0)
        cluster.settle()
        let said = cluster.sites[0].sent[sentBefore...].contains { sent in
            guard case .votes(let votes) = sent.message else { return false }
            return votes.vote == .nullify(height: height, view: .first) && votes.signatures.signers.contains(0)
        }
        #expect(said)
    }

    /// A busy machine may hand in other events first: they must not put the timer off.
    @Test func aDeadlineThatHasPassedIsSeenWithAnyEvent() throws {
        let cluster = try deafCluster()
        let node = cluster.sites[0].node
        let deadline = try #require(node.viewDeadline)
        var effects: [Effect] = []
        node.handle(.linkDown(LinkID(9_999)), now: deadline + 1, into: &effects)
        #expect(hasNullified(.first, effects))
    }

    @Test func whatDidNotFitAFetchIsAskedForNext() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let node = cluster.sites[0].node
        let items = (1...300).map { FetchItem.nullification(View(UInt32($0))) }
        node.fetch(items)
        node.fetch(items)
        var asked: Set<FetchItem> = []
        for case .send(_, let bytes) in node.effects {
            if case .fetch(let items) = try Message(encoded: bytes) { asked.formUnion(items) }
        }
        #expect(asked == Set(items))
    }
}

struct SlotTests {
    /// A slot stays taken even where what is on disk of its payload does not fit its record.
    @Test func aSlotStaysTakenAfterARestartWithADamagedBlob() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.contribute(0)
        cluster.settle()
        cluster.crash(0)
        let digest = cluster.contribution(of: 0).contributionDigest
        cluster.sites[0].journal.removeAll { entry in
            if case .ownContribution = entry { false } else { true }
        }
        cluster.sites[0].pieces[digest] = [true]
        try cluster.restart(0)
        cluster.sites[0].pieces[digest] = nil
        cluster.contribute(0, steps: 2)
        cluster.settle()
        let own = cluster.sites[0].journal.filter { if case .ownContribution = $0 { true } else { false } }
        #expect(own.count == 1)
    }
}
