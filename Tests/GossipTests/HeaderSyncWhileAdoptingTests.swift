import Crypto
import Ledger
import Testing

@testable import Gossip

/// A node replays a version while somebody claims so much more that it syncs headers as well.
struct HeaderSyncWhileAdoptingTests {
    /// Member 3 lags by one version. Its disk stands still from the moment at which it writes that version.
    ///
    /// - Parameter isFirst: whether it syncs headers before that already.
    @Test(arguments: [true, false])
    func noSyncedHeaderLiesBehindTheHeadThatIsWritten(isFirst: Bool) throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.crash(3)
        #expect(cluster.reach(1))
        let overclaim = Message.summary(
            InventorySummary(
                height: Height(1 << 20), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
        var answers: [Message] = []
        cluster.drops = { [unowned cluster] _, to, message in
            if cluster.sites[3].node.height.decided != nil { cluster.holdsDisk = [3] }
            guard to == 3, case .headerPart = message else { return false }
            answers.append(message)
            return true
        }
        try cluster.restart(3)
        if isFirst { cluster.inject(overclaim, from: 0, to: 3) }
        var isAdopting: Bool { cluster.sites[3].node.height.isAdopting }
        #expect(cluster.run { isAdopting })
        cluster.inject(overclaim, from: 0, to: 3)
        cluster.settle()
        for answer in answers { cluster.inject(answer, from: 0, to: 3) }
        cluster.settle()
        cluster.drops = { _, _, _ in false }
        cluster.settle()
        cluster.releaseDisk(3)
        #expect(cluster.sites[3].adopted.count == 1)
        #expect(cluster.sites[3].syncedHeaders.isEmpty)
        cluster.crash(3)
        try cluster.restart(3)
        #expect(cluster.reach(3))
    }
}
