import Ledger
import Link
import Testing

@testable import Gossip

/// Members that are waited for and never deliver: the others wait for the grace, not for the round's deadline. Of seven
/// members four contribute, which is less than a quorum; site 4 has no trainer.
@Suite struct AwaitedMembersTests {
    enum Attack: CaseIterable {
        /// Commits in every round and shows nothing.
        case withholdsItsPayload
        /// Commits in every other round only.
        case commitsInEveryOtherRound
        /// Commits to the version before, which shows that it is at work.
        case commitsTooLate
    }

    private func late(_ index: Int, on base: VersionDigest, height: Height, in cluster: Cluster) -> Contribution {
        Contribution(
            network: cluster.genesis.network, author: cluster.sites[index].identity.member, base: base,
            baseHeight: height, encoding: cluster.genesis.rules.encoding, payloadBytes: 2048, pieceBytes: 1024,
            pieceRoot: .zero, norm: 1, steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero)
    }

    @Test(arguments: Attack.allCases, [[6], [5, 6]])
    func membersThatNeverDeliver_delayARoundByTheGraceOnly(attack: Attack, attackers: [Int]) throws {
        let cluster = try Cluster(count: 7)
        cluster.settle()
        if !attackers.contains(5) { cluster.crash(5) }
        if attack == .withholdsItsPayload { cluster.dropsPiece = { from, _, _ in attackers.contains(from) } }
        var before: (base: VersionDigest, height: Height)?
        for round in UInt64(1)...6 {
            let chain = cluster.sites[0].node.chain
            for attacker in attackers {
                switch attack {
                case .withholdsItsPayload: cluster.contribute(attacker)
                case .commitsInEveryOtherRound: if round % 2 == 1 { cluster.contribute(attacker) }
                case .commitsTooLate:
                    guard let before else { continue }
                    let late = late(attacker, on: before.base, height: before.height, in: cluster)
                    cluster.sites[attacker].pieces[late.contributionDigest] = [true, true]
                    cluster.give(attacker, .contribute(late))
                }
            }
            cluster.settle()
            for honest in 0..<4 { cluster.contribute(honest) }
            // No member is known to be idle before the first version.
            let limit = round == 1 ? 600_000 : Timing().roundDeadline / 4
            #expect(
                cluster.run(milliseconds: limit) {
                    (0..<5).allSatisfy { cluster.heights[$0] == round }
                }, "height \(round)")
            #expect(cluster.sites[0].adopted.last?.version.manifest.count ?? 0 >= 4, "height \(round)")
            before = (chain.headDigest, chain.height)
        }
    }

    /// Site 2 trains longer than the grace, and site 3 commits at once and shows nothing. Once that is known, its
    /// commitment no longer ends the wait for the third contribution that the rules ask for.
    @Test func aCommitmentOfAMemberThatWithheldItsPayload_doesNotReplaceASlowerContribution() throws {
        var rules = Rules()
        rules.minContributions = 3
        let cluster = try Cluster(count: 4, rules: rules)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for round in UInt64(2)...4 {
            let began = cluster.now
            var isSlowDone = false
            for index in [3, 0, 1] { cluster.contribute(index) }
            let isReached = cluster.run(milliseconds: round == 2 ? 600_000 : Timing().roundDeadline / 4) {
                if !isSlowDone, cluster.now.since(began) > Timing().graceMinimum, cluster.heights[2] == round - 1 {
                    isSlowDone = true
                    cluster.contribute(2)
                    cluster.settle()
                }
                return cluster.heights.allSatisfy { $0 == round }
            }
            #expect(isReached, "height \(round)")
            let authors = cluster.sites[0].adopted.last.map { Set($0.version.manifest.map(\.slot.author)) } ?? []
            if round > 2 {
                #expect(authors == Set((0..<3).map { cluster.sites[$0].identity.member }), "height \(round)")
            }
        }
    }

    /// Of four members, three must contribute. The payload of site 2 came late once, so it is a suspect; site 3 commits only
    /// after the others have closed the round. One of the two is honest: the round must not wait for its deadline.
    @Test func aSuspectAndAMemberThatCommitsAfterTheClose_delayARoundByAFewGracesOnly() throws {
        var rules = Rules()
        rules.minContributions = 3
        let cluster = try Cluster(count: 4, rules: rules)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 2 }
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        cluster.dropsPiece = { _, _, _ in false }
        for round in UInt64(3)...6 {
            for index in [0, 1, 2] { cluster.contribute(index) }
            var isLateDone = false
            let isReached = cluster.run(milliseconds: Timing().roundDeadline / 4) {
                if !isLateDone, (0..<3).allSatisfy({ cluster.sites[$0].node.height.own.closed != nil }) {
                    isLateDone = true
                    cluster.contribute(3)
                }
                return cluster.heights.allSatisfy { $0 == round }
            }
            #expect(isReached, "height \(round)")
            #expect(cluster.sites[0].adopted.last?.version.manifest.count ?? 0 >= 3, "height \(round)")
        }
    }

    /// Site 3 commits and withholds, and cannot be reached while its payload is judged: it is a suspect all the same.
    @Test func aMemberThatWithholdsAndDropsItsLinks_isASuspect() throws {
        var rules = Rules()
        rules.minContributions = 3
        let cluster = try Cluster(count: 4, rules: rules)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for index in [0, 1, 3] { cluster.contribute(index) }
        #expect(cluster.run { (0..<3).allSatisfy { cluster.sites[$0].node.height.own.closed != nil } })
        for index in 0..<3 { cluster.unlink(3, index) }
        #expect(cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == 2 } })
        let withholder = cluster.sites[3].identity.member
        for index in 0..<3 {
            let node = cluster.sites[index].node
            #expect(node.commitments.suspects.contains(withholder, at: node.chain.nextHeight), "site \(index)")
        }
    }

    /// Site 2's payload is available only after the others are ready, so a later version may list it. What it commits in the
    /// next round is waited for all the same.
    @Test func aContributionLeftFromAnEarlierRound_doesNotReplaceThatOfThisRound() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let slow = cluster.sites[2].identity.member
        cluster.dropsPiece = { from, _, _ in from == 2 }
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(!(cluster.sites[0].adopted.last?.version.manifest.contains { $0.slot.author == slow } ?? true))
        cluster.dropsPiece = { _, _, _ in false }
        #expect(
            cluster.run {
                (0..<4).allSatisfy { index in
                    cluster.sites[index].node.contributions.slots.contains {
                        $0.key.author == slow && $0.value.certificate != nil
                    }
                }
            })
        cluster.dropsPiece = { from, _, _ in from == 2 }
        cluster.contributeAll()
        cluster.settle()
        for index in [0, 1, 3] {
            let node = cluster.sites[index].node
            #expect(node.headRound?.isClosed ?? false, "site \(index)")
            #expect(node.height.own.ready == nil, "site \(index)")
        }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 3 } })
    }
}
