import Crypto
import Ledger
import Testing

@testable import Gossip

/// A certified revert: every site replays, and the replayed state takes over.
@Suite struct ReplayTests {
    private let town: Town
    /// Of site 1, listed in version 2.
    private let poison: ContributionDigest

    init() throws {
        town = try Town(count: 4)
        #expect(town.reach(3))
        poison = town.sites[0].adopted[1].version.manifest[1].contribution
    }

    private func decide(at indexes: [Int]? = nil) throws {
        try town.decide(.revert(.contribution(poison), from: Height(2)), at: indexes)
    }

    private var areEqual: Bool { Set(town.sites.map(\.node.chain.headDigest)).count == 1 }

    @Test func theReplayedStateTakesOver() throws {
        try decide()
        #expect(town.reach(8))
        #expect(areEqual)
        #expect(town.switches.count == 1)
        let taken = town.switches[0]
        #expect(taken.version.manifest.isEmpty)
        #expect(taken.version.roots == town.roots(without: [poison], through: Height(taken.height.value - 1)))
        #expect(taken.version.roots != town.sites[0].adopted[Int(taken.height.value) - 2].version.roots)
        var chain = Chain(genesis: town.genesis)
        for certified in town.sites[3].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        #expect(chain.governance.pendingReverts.isEmpty)
        #expect(chain.height >= Height(8))
    }

    @Test func aSlowReplayHoldsNobodyUp() throws {
        town.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(town.reach(7))
        #expect(town.switches.isEmpty)
        for index in 0..<4 { town.releaseReplay(index) }
        #expect(town.reach(10))
        #expect(town.switches.count == 1)
        #expect(
            town.switches[0].version.roots
                == town.roots(without: [poison], through: Height(town.switches[0].height.value - 1)))
        #expect(areEqual)
    }

    /// It neither votes for what it has not computed nor against it, and adopts it once it has.
    @Test func aSiteWhoseReplayLagsWaits() throws {
        town.holdsReplay = [3]
        try decide()
        #expect(town.run { (0..<3).allSatisfy { town.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
        let taken = town.switches[0].height
        let mine = town.sites[3].identity.member
        let index = town.genesis.members.index(of: mine)!
        #expect(!town.switches[0].certificate.signatures.signers.contains(index))
        #expect(town.sites[3].node.chain.height < taken)
        #expect(town.sites[3].node.alarms.isEmpty)
        // Every site gives up a view whose leader proposes nothing, so only the view of the decision counts.
        let decided = town.switches[0].certificate.vote.view
        let nullified = town.sites[3].sent.contains { _, message in
            guard case .votes(let votes) = message, votes.vote.height == taken else { return false }
            return votes.vote.kind == .nullify && votes.vote.view == decided
        }
        #expect(!nullified)
        town.releaseReplay(3)
        #expect(town.reach(taken.value + 2))
        #expect(areEqual)
    }

    @Test func aSiteWhoseReplayGivesSomethingElseNeitherVotesNorAdopts() throws {
        town.wrongReplay = [2: StateRoots(parameters: Digest(DigestDomain("test"), [9]))]
        try decide()
        #expect(town.run { [0, 1, 3].allSatisfy { town.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
        #expect(town.run { !town.sites[2].node.alarms.isEmpty })
        #expect(town.sites[2].node.alarms == [.divergedFromCertifiedRoots(town.switches[0].height)])
        #expect(town.sites[2].node.chain.height < town.switches[0].height)
    }

    @Test func withFewerThanAQuorumOfReplaysTheChainGoesOnAsBefore() throws {
        town.wrongReplay = [0: town.genesis.roots, 1: StateRoots(parameters: Digest(DigestDomain("test"), [9]))]
        try decide()
        #expect(town.reach(8))
        #expect(town.switches.isEmpty)
        #expect(town.sites.allSatisfy { $0.node.alarms.isEmpty })
        // Nobody is in a hurry for versions that list nothing.
        #expect(town.sites[0].adopted[4...].allSatisfy { !$0.version.manifest.isEmpty })
    }

    /// One that never flags and whose ready record is always early must not put the switch off for ever.
    @Test func aSiteThatNeverFlagsDoesNotKeepTheReplayOut() throws {
        town.holdsReplay = [0]
        try decide()
        #expect(town.run { (1..<4).allSatisfy { town.sites[$0].node.chain.governance.pendingReverts.isEmpty } })
    }

    @Test func idleTrainersDoNotKeepTheReplayOut() throws {
        try decide()
        #expect(town.run { town.sites.allSatisfy { $0.node.chain.governance.pendingReverts.isEmpty } })
        #expect(town.switches[0].height == Height(5))
    }

    @Test func aReplayBeginsAgainAfterACrash() throws {
        town.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(town.reach(5))
        for index in 0..<4 { town.crash(index) }
        town.holdsReplay = []
        for index in 0..<4 { try town.restart(index) }
        #expect(town.reach(8))
        #expect(town.switches.count == 1)
        #expect(areEqual)
    }

    @Test func crashesAroundTheSwitchLoseNothing() throws {
        try decide()
        town.settleUntil { message in
            guard case .votes(let votes) = message else { return false }
            return votes.vote.kind == .notarize && votes.vote.height == Height(5)
        }
        for index in 0..<4 { town.crash(index) }
        for index in 0..<4 { try town.restart(index) }
        #expect(town.reach(7))
        #expect(town.switches.count == 1)
        #expect(areEqual)
    }

    @Test func twoRevertsTakeOverAsOne() throws {
        town.holdsReplay = [0, 1, 2, 3]
        try decide()
        let other = town.sites[0].adopted[0].version.manifest[0].contribution
        try town.decide(.revert(.contribution(other), from: Height(1)), sequence: 2)
        town.holdsReplay = []
        for index in 0..<4 { town.releaseReplay(index) }
        #expect(town.reach(8))
        #expect(town.switches.count == 1)
        let taken = town.switches[0]
        #expect(taken.version.roots == town.roots(without: [poison, other], through: Height(taken.height.value - 1)))
        #expect(areEqual)
    }

    /// A result for an earlier head, or without a later exclusion, counts for nothing.
    @Test func anOutdatedResultIsIgnored() throws {
        town.holdsReplay = [0, 1, 2, 3]
        try decide()
        let early = town.sites.indices.map { town.replayed(town.sites[$0].node.chain, of: $0) }
        #expect(town.reach(5))
        for index in 0..<4 { town.happen(early[index], at: index) }
        #expect(town.reach(7))
        #expect(town.switches.isEmpty)
    }

    @Test func whatWasMadeOnTheStateBeforeIsVoid() throws {
        town.holdsReplay = [0, 1, 2, 3]
        try decide()
        #expect(town.reach(5))
        let mine = town.contribution(of: 1).contributionDigest
        town.contribute(1)
        town.settle()
        for index in 0..<4 { town.releaseReplay(index) }
        #expect(town.run { town.sites.allSatisfy { $0.node.chain.governance.pendingReverts.isEmpty } })
        if !town.sites[0].adopted.contains(where: { $0.version.manifest.contains { $0.contribution == mine } }) {
            #expect(town.sites[1].notices.contains(.ownContributionLeftOut(mine)))
            #expect(town.sites[0].forgotten.contains(mine))
        }
        #expect(town.sites[1].node.chain.bases.count == 1)
        let height = town.switches[0].height.value
        #expect(town.reach(height + 2))
    }

    @Test func aSiteThatWasAwayReplaysOnItsWay() throws {
        town.crash(2)
        try decide(at: [0, 1, 3])
        #expect(town.reach(8))
        #expect(town.switches.count == 1)
        try town.restart(2)
        #expect(town.reach(10))
        #expect(areEqual)
    }

    @Test func whatNamesAnExcludedDataSetIsRefusedByName() throws {
        let dataSet = Digest(DigestDomain("test"), [5])
        try town.decide(.revert(.dataSet(dataSet, bindsFuture: true), from: Height(1)))
        town.settle()
        let plain = town.contribution(of: 0)
        let named = Contribution(
            network: plain.network, author: plain.author, base: plain.base, baseHeight: plain.baseHeight,
            encoding: plain.encoding, payloadBytes: plain.payloadBytes, pieceBytes: plain.pieceBytes,
            pieceRoot: plain.pieceRoot, norm: 1, steps: 1, tokens: 1, lossCentinats: 1, dataSets: [dataSet],
            trainer: .zero)
        town.happen(.contribute(named), at: 0)
        town.settle()
        #expect(
            town.sites[0].notices.contains(
                .contributionRefused(named.contributionDigest, author: plain.author, refusal: "excluded-data-set")))
    }
}
