import Crypto
import Ledger
import Testing

@testable import Gossip

/// A node replays a version while somebody claims so much more that it walks as well.
struct WalkWhileAdoptingTests {
    /// Member 3 lags by one version. Its disk stands still from the moment at which it writes that version.
    ///
    /// - Parameter isFirst: whether it walks before that already.
    @Test(arguments: [true, false])
    func nothingThatWasWalkedLiesBehindTheHeadThatIsWritten(isFirst: Bool) throws {
        let town = try Town(count: 4)
        town.settle()
        town.crash(3)
        #expect(town.reach(1))
        let boast = Message.summary(
            Summary(
                height: Height(1 << 20), head: VersionDigest(Digest(DigestDomain("test"), [8])), view: .first,
                ready: Bitmap(count: 4), closed: Bitmap(count: 4), views: [], candidates: []))
        var answers: [Message] = []
        town.drops = { [unowned town] _, to, message in
            if town.sites[3].node.height.decided != nil { town.holdsDisk = [3] }
            guard to == 3, case .walkPart = message else { return false }
            answers.append(message)
            return true
        }
        try town.restart(3)
        if isFirst { town.inject(boast, from: 0, to: 3) }
        var isAdopting: Bool { town.sites[3].node.height.isAdopting }
        #expect(town.run { isAdopting })
        town.inject(boast, from: 0, to: 3)
        town.settle()
        for answer in answers { town.inject(answer, from: 0, to: 3) }
        town.settle()
        town.drops = { _, _, _ in false }
        town.settle()
        town.releaseDisk(3)
        #expect(town.sites[3].adopted.count == 1)
        #expect(town.sites[3].walked.isEmpty)
        town.crash(3)
        try town.restart(3)
        #expect(town.reach(3))
    }
}
