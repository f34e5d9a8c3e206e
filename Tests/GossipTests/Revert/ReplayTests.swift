import Crypto
import Ledger
import Testing

@testable import Gossip

/// A certified revert: every site replays, and the replayed state takes over.
@Suite struct ReplayTests {
    private let cluster: Cluster
    /// Of site 1, listed in version 2.
    private let poison: ContributionDigest

    init() throws {
        cluster = try Cluster(count: 4)
        #expect(cluster.reach(3))
        poison = cluster.sites[0].adopted[1].version.manifest[1].contribution
    }

    private func decide(at indexes: [Int]? = nil) throws {
        try cluster.decide(.revert(.contribution(poison), from: Height(2)), at: indexes)
    }

    private var areEqual: Bool { Set(cluster.sites.map(\.node.chain.headDigest)).count == 1 }

    @Test func theReplayedStateTakesOver() throws {
        try decide()
        #expect(cluster.reach(8))
        #expect(areEqual)
        #expect(cluster.switches.count == 1)
        let taken = cluster.switches[0]
        #expect(taken.version.manifest.isEmpty)
        #expect(taken.version.roots == cluster.roots(without: [poison], through: Height(taken.height.value - 1)))
        #expect(taken.version.roots != cluster.sites[0].adopted[Int(taken.height.value) - 2].version.roots)
        var chain = Chain(genesis: cluster.genesis)
        for certified in cluster.sites[3].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        #expect(chain.governance.pendingReverts.isEmpty)
        #expect(chain.height >= Height(8))
    }

    @Test func aSlowReplayHoldsNobodyUp() throws {
        cluster.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(cluster.reach(7))
        #expect(cluster.switches.isEmpty)
        for index in 0..<4 { cluster.releaseReplay(index) }
        #expect(cluster.reach(10))
        #expect(cluster.switches.count == 1)
        #expect(
            cluster.switches[0].version.roots
                == cluster.roots(without: [poison], through: Height(cluster.switches[0].height.value - 1)))
        #expect(areEqual)
    }

    /// It neither votes for what it has not computed nor against it, and adopts it once it has.
    @Test func aSiteWhoseReplayLagsWaits() throws {
        cluster.holdsReplay = [3]
        try decide()
        #expect(cluster.run { (0..<3).allSatisfy { cluster.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
        let taken = cluster.switches[0].height
        let mine = cluster.sites[3].identity.member
        let index = cluster.genesis.members.index(of: mine)!
        #expect(!cluster.switches[0].certificate.signatures.signers.contains(index))
        #expect(cluster.sites[3].node.chain.height < taken)
        #expect(cluster.sites[3].node.alarms.isEmpty)
        // Every site gives up a view whose leader proposes nothing, so only the view of the decision counts.
        let decided = cluster.switches[0].certificate.vote.view
        let nullified = cluster.sites[3].sent.contains { _, message in
            guard case .votes(let votes) = message, votes.vote.height == taken else { return false }
            return votes.vote.kind == .nullify && votes.vote.view == decided
        }
        #expect(!nullified)
        cluster.releaseReplay(3)
        #expect(cluster.reach(taken.value + 2))
        #expect(areEqual)
    }

    @Test func aSiteWhoseReplayGivesSomethingElseNeitherVotesNorAdopts() throws {
        cluster.wrongReplay = [2: StateRoots(parameters: Digest(DigestDomain("test"), [9]))]
        try decide()
        #expect(
            cluster.run { [0, 1, 3].allSatisfy { cluster.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
        #expect(cluster.run { !cluster.sites[2].node.alarms.isEmpty })
        #expect(cluster.sites[2].node.alarms == [.divergedFromCertifiedRoots(cluster.switches[0].height)])
        #expect(cluster.sites[2].node.chain.height < cluster.switches[0].height)
    }

    @Test func withFewerThanAQuorumOfReplaysTheChainGoesOnAsBefore() throws {
        cluster.wrongReplay = [0: cluster.genesis.roots, 1: StateRoots(parameters: Digest(DigestDomain("test"), [9]))]
        try decide()
        #expect(cluster.reach(8))
        #expect(cluster.switches.isEmpty)
        #expect(cluster.sites.allSatisfy { $0.node.alarms.isEmpty })
        // Nobody is in a hurry for versions that list nothing.
        #expect(cluster.sites[0].adopted[4...].allSatisfy { !$0.version.manifest.isEmpty })
    }

    /// One that never flags and whose ready record is always early must not put the switch off for ever.
    @Test func aSiteThatNeverFlagsDoesNotKeepTheReplayOut() throws {
        cluster.holdsReplay = [0]
        try decide()
        #expect(cluster.run { (1..<4).allSatisfy { cluster.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
    }

    @Test func idleTrainersDoNotKeepTheReplayOut() throws {
        try decide()
        #expect(cluster.run { cluster.sites.allSatisfy { $0.node.chain.governance.pendingReverts.isEmpty } })
        #expect(cluster.switches[0].height == Height(5))
    }

    @Test func aReplayBeginsAgainAfterACrash() throws {
        cluster.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(cluster.reach(5))
        for index in 0..<4 { cluster.crash(index) }
        cluster.holdsReplay = []
        for index in 0..<4 { try cluster.restart(index) }
        #expect(cluster.reach(8))
        #expect(cluster.switches.count == 1)
        #expect(areEqual)
    }

    @Test func crashesAroundTheSwitchLoseNothing() throws {
        try decide()
        cluster.settleUntil { message in
            guard case .votes(let votes) = message else { return false }
            return votes.vote.kind == .notarize && votes.vote.height == Height(5)
        }
        for index in 0..<4 { cluster.crash(index) }
        for index in 0..<4 { try cluster.restart(index) }
        #expect(cluster.reach(7))
        #expect(cluster.switches.count == 1)
        #expect(areEqual)
    }

    @Test func twoRevertsTakeOverAsOne() throws {
        cluster.holdsReplay = [0, 1, 2, 3]
        try decide()
        let other = cluster.sites[0].adopted[0].version.manifest[0].contribution
        try cluster.decide(.revert(.contribution(other), from: Height(1)), sequence: 2)
        cluster.holdsReplay = []
        for index in 0..<4 { cluster.releaseReplay(index) }
        #expect(cluster.reach(8))
        #expect(cluster.switches.count == 1)
        let taken = cluster.switches[0]
        #expect(
            taken.version.roots == cluster.roots(without: [poison, other], through: Height(taken.height.value - 1)))
        #expect(areEqual)
    }

    /// A result for an earlier head, or without a later exclusion, counts for nothing.
    @Test func anOutdatedResultIsIgnored() throws {
        cluster.holdsReplay = [0, 1, 2, 3]
        try decide()
        let early = cluster.sites.indices.map { cluster.replayed(cluster.sites[$0].node.chain, of: $0) }
        #expect(cluster.reach(5))
        for index in 0..<4 { cluster.happen(early[index], at: index) }
        #expect(cluster.reach(7))
        #expect(cluster.switches.isEmpty)
    }

    @Test func whatWasMadeOnTheStateBeforeIsVoid() throws {
        cluster.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(cluster.reach(5))
        let mine = cluster.contribution(of: 1).contributionDigest
        cluster.contribute(1)
        cluster.settle()
        for index in 0..<4 { cluster.releaseReplay(index) }
        #expect(cluster.run { cluster.sites.allSatisfy { $0.node.chain.governance.pendingReverts.isEmpty } })
        if !cluster.sites[0].adopted.contains(where: { $0.version.manifest.contains { $0.contribution == mine } }) {
            #expect(cluster.sites[1].notices.contains(.ownContributionLeftOut(mine)))
            #expect(cluster.sites[0].forgotten.contains(mine))
        }
        #expect(cluster.sites[1].node.chain.bases.count == 1)
        let height = cluster.switches[0].height.value
        #expect(cluster.reach(height + 2))
    }

    @Test func aSiteThatWasAwayReplaysOnItsWay() throws {
        cluster.crash(2)
        try decide(at: [0, 1, 3])
        #expect(cluster.reach(8))
        #expect(cluster.switches.count == 1)
        try cluster.restart(2)
        #expect(cluster.reach(10))
        #expect(areEqual)
    }

    @Test func whatNamesAnExcludedDataSetIsRefusedByName() throws {
        let dataSet = Digest(DigestDomain("test"), [5])
        try cluster.decide(.revert(.dataSet(dataSet, bindsFuture: true), from: Height(1)))
        cluster.settle()
        let plain = cluster.contribution(of: 0)
        let named = Contribution(
            network: plain.network, author: plain.author, base: plain.base, baseHeight: plain.baseHeight,
            encoding: plain.encoding, payloadBytes: plain.payloadBytes, pieceBytes: plain.pieceBytes,
            pieceRoot: plain.pieceRoot, norm: 1, steps: 1, tokens: 1, lossCentinats: 1, dataSets: [dataSet],
            trainer: .zero)
        cluster.happen(.contribute(named), at: 0)
        cluster.settle()
        #expect(
            cluster.sites[0].notices.contains(
                .contributionRefused(named.contributionDigest, author: plain.author, refusal: "excluded-data-set")))
    }
}
