import Crypto
import Gossip
import Ledger
import Link
import Testing

@testable import Simulator

/// The checkers that watch what nodes ask of their machines, say of each other and find on their disks: each is shown
/// what it must see, and the honest thing beside it.
struct MachineCheckerTests {
    private let cluster: Cluster
    private let limit = SimulatedTime(milliseconds: 20_000)

    /// A quiet cluster in which everybody is linked and somebody has adopted a version that another has not yet.
    init() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.byzantine[3] = [.withholdsPieces]
        options.faults = faults
        cluster = Cluster(options)
        let cluster = cluster
        // The last of them hears of nothing that is decided.
        cluster.filter = { _, to, bytes in
            to != 2 || !RecordScan(bytes: bytes).certificates.contains { $0.vote.kind == .finalize }
        }
        _ = cluster.run(until: limit) { cluster.sites[0].disk.height.value >= 1 }
    }

    private var fired: [Violation.Checker] { cluster.checkers.violations.map(\.checker) }

    private func process(of member: Int) throws -> Process { try #require(cluster.sites[member].process) }
    private func decided() throws -> CertifiedVersion { try #require(cluster.sites[0].disk.adopted.first) }

    @Test func theStageIsSet() throws {
        #expect(fired.isEmpty)
        #expect(try decided().height == Height(1))
        #expect(cluster.sites[2].disk.height == .genesis)
        #expect(try process(of: 2).links.count == 3)
    }

    @Test(arguments: [0, 1])
    func abstainingToBelowWhatWasSignedIsSeen(height: UInt64) {
        let fabrication = Fabrication()
        fabrication.checkers.synced([.vote(fabrication.signed(fabrication.vote(.notarize), by: 0))], by: 0)
        fabrication.checkers.abstains(0, until: Height(height))
        #expect(fabrication.fired == (height == 1 ? [] : [.abstention]))
    }

    @Test(arguments: [true, false], [true, false])
    func aHeadWithoutParametersIsSeen(isStateSync: Bool, isHeld: Bool) throws {
        let (site, process, certified) = (cluster.sites[2], try process(of: 2), try decided())
        let root = certified.version.roots.parameters
        process.candidates = isHeld ? [root] : []
        site.disk.parameters[root] = isHeld ? Cluster.wholeParameters : nil
        cluster.commit(
            isStateSync ? [.headerSynced(certified), .stateSynced(certified)] : [.adopt(certified)], site, process)
        #expect(fired == (isHeld ? [] : [.missingParameters]))
    }

    @Test func storingWhatIsNotHeldIsSeen() throws {
        let piece = PieceName(contribution: ContributionDigest(.zero), index: 0)
        let contribution = Fabrication().contribution(by: 1)
        cluster.storePiece(cluster.sites[2], contribution, piece, PieceHandle(1 << 40), LinkID(1))
        #expect(fired == [.wrongJob])
    }

    @Test(arguments: [true, false])
    func validatingWhatIsNotHeldIsSeen(isHeld: Bool) throws {
        let contribution = Fabrication().contribution(by: 1)
        if isHeld {
            var blob = Blob(pieceCount: 1)
            blob.pieces[0] = ProvenPiece(bytes: [0], proof: [])
            cluster.sites[2].disk.blobs[contribution.contributionDigest] = blob
        }
        cluster.validate(cluster.sites[2], contribution)
        #expect(fired == (isHeld ? [] : [.wrongJob]))
    }

    /// A payload that the model cannot give, on a disk beside those that versions list.
    @Test(arguments: [true, false])
    func moreBytesThanTheModelCanGiveAreSeen(isListed: Bool) throws {
        let site = cluster.sites[2]
        let largest = cluster.genesis.rules.payloadBytesMaximum(of: cluster.genesis.tensors)
        let limit = Int(largest) * cluster.options.nodes * (Int(cluster.genesis.rules.maxStaleness) + 1)
        var blob = Blob(pieceCount: 1)
        blob.pieces[0] = ProvenPiece(bytes: [UInt8](repeating: 0, count: limit + 1), proof: [])
        let certified = try decided()
        let listed = try #require(certified.version.manifest.first?.contribution)
        if isListed { site.disk.commit([.adopt(certified)]) }
        site.disk.blobs[listed] = blob
        cluster.checkDisk(of: site)
        #expect(fired == (isListed ? [] : [.unboundedDisk]))
    }

    @Test func replayingWithoutARevertIsSeen() throws {
        let process = try process(of: 2)
        cluster.beginReplay(cluster.sites[2], process, process.node.chain)
        #expect(fired == [.wrongJob])
    }

    @Test(arguments: [
        (peer: 1, reason: CloseReason.badPiece, isSeen: true), (1, .replacedByNewerLink, false),
        (3, .badPiece, false),
    ])
    func cuttingOffAnHonestMemberIsSeen(peer: Int, reason: CloseReason, isSeen: Bool) throws {
        let links = try process(of: 2).links
        let link = try #require(
            links.keys.sorted().first { link in
                guard let mine = links[link], let connection = cluster.connections[mine.connection] else {
                    return false
                }
                return cluster.sites[connection.ends[1 - mine.end].site].member == peer
            })
        cluster.close(cluster.sites[2], link, reason)
        #expect(fired == (isSeen ? [.cutOffHonest] : []))
    }

    @Test(arguments: [0, 3])
    func anAlarmOfAnHonestMemberIsSeen(member: Int) {
        cluster.hear(.alarm(.secondInstance), cluster.sites[member])
        #expect(fired == (member == 3 ? [] : [.alarm]))
    }

    /// Of a chain that begins with its second version nothing can be made.
    @Test(arguments: [true, false])
    func aDiskThatCannotBeReadIsSeen(isTorn: Bool) throws {
        let site = cluster.sites[2]
        cluster.crash(site, downFor: 1)
        let certified = try decided()
        var disk = SimulatedDisk()
        disk.commit([.adopt(certified)])
        if isTorn { disk.commit([.adopt(certified)]) }
        site.disk = disk
        cluster.boot(site)
        #expect(fired == (isTorn ? [.unreadableJournal] : []))
        #expect((site.process == nil) == isTorn)
    }
}
