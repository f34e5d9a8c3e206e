import Ledger
import Link
import Testing

@testable import Gossip

/// Members whose commitments bring no contribution, however they bring that about, and honest members beside them.
@Suite struct SuspectTests {
    private func cluster(_ count: Int, minContributions: UInt32 = 1, review: ReviewMode = .open) throws -> Cluster {
        var rules = Rules()
        rules.minContributions = minContributions
        rules.review = review
        if review == .approve { rules.approvals = 1 }
        return try Cluster(count: count, rules: rules)
    }

    private func isSuspect(_ member: Int, at index: Int, in cluster: Cluster) -> Bool {
        let node = cluster.sites[index].node
        return node.commitments.suspects.contains(cluster.sites[member].identity.member, at: node.chain.nextHeight)
    }

    private func authors(_ cluster: Cluster) -> Set<MemberID> {
        Set(cluster.sites[0].adopted.last?.version.manifest.map(\.slot.author) ?? [])
    }

    private func members(_ indices: Range<Int>, of cluster: Cluster) -> Set<MemberID> {
        Set(indices.map { cluster.sites[$0].identity.member })
    }

    /// One round: these sites contribute at once, and a slow one so many milliseconds after the round began, if that is not
    /// over by then. False if the first three sites do not reach the height.
    private func advance(
        _ cluster: Cluster, to height: UInt64, slow: Int, after milliseconds: UInt64, at once: [Int]
    ) -> Bool {
        let began = cluster.now
        var isSlowDone = false
        for index in once { cluster.contribute(index) }
        cluster.wake(slow, at: began + milliseconds)
        return cluster.run {
            let isItsTime = cluster.now.since(began) >= milliseconds
            if !isSlowDone, isItsTime, cluster.heights[slow] == height - 1 {
                isSlowDone = true
                cluster.contribute(slow)
                cluster.settle()
            }
            return (0..<3).allSatisfy { cluster.heights[$0] == height }
        }
    }

    // MARK: - Who becomes one

    @Test func aMemberThatShowsEachOtherOneADifferentCommitment_isASuspectAtAll() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.drops = { from, to, message in
            // Nobody tells of the commitments of site 3 to others.
            guard case .contribution(let signed) = message else { return false }
            return signed.signer == cluster.sites[3].identity.member && from != 3
        }
        for index in 0..<3 {
            let body = cluster.contribution(of: 3, steps: UInt64(index + 1))
            let shown = Signed(body, signer: body.author, key: cluster.sites[3].identity.nodeKey, network: body.network)
            cluster.inject(.contribution(shown), from: 3, to: index)
        }
        cluster.settle()
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == 2 } })
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    @Test func aMemberWhosePayloadIsRefused_isASuspect() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.refusedAuthors = [cluster.sites[3].identity.member]
        cluster.contributeAll()
        #expect(cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == 2 } })
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// Site 0 learns of no certificate and no ready record, so it is not ready when the others decide.
    @Test func aMemberThatWithholds_isASuspectAtWhoLearnsOfTheVersionFirst() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, to, _ in from == 3 || to == 0 && cluster.heights[1] < 2 }
        cluster.drops = { _, to, message in
            switch message {
            case .availability, .ready, .proposal: to == 0 && cluster.heights[1] < 2
            default: false
            }
        }
        cluster.contributeAll()
        var wasReady = false
        #expect(
            cluster.run {
                wasReady = wasReady || cluster.heights[0] < 2 && cluster.sites[0].node.height.own.ready != nil
                return (0..<3).allSatisfy { cluster.heights[$0] == 2 }
            })
        #expect(!wasReady)
        #expect(isSuspect(3, at: 0, in: cluster))
        for index in 1..<3 { #expect(!isSuspect(index, at: 0, in: cluster), "site \(index)") }
    }

    @Test func aNodeWithoutLinks_suspectsNobody() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { _, to, _ in to == 0 }
        cluster.drops = { _, to, message in
            switch message {
            case .contribution, .closed: false
            default: to == 0
            }
        }
        cluster.contributeAll()
        #expect(cluster.run { cluster.sites[0].node.headRound?.isClosed ?? false })
        for index in 1..<4 { cluster.unlink(0, index) }
        #expect(cluster.run { cluster.sites[0].node.height.own.ready != nil })
        for index in 1..<4 { #expect(!isSuspect(index, at: 0, in: cluster), "site \(index)") }
    }

    // MARK: - How long a round waits

    /// Site 4 commits, withholds, and never says that the round is closed, so the commitment of site 3, which came too late to
    /// site 2, might still be committed. Of five members one may be faulty: the round waits a grace, not for its deadline.
    @Test func aMemberThatNeverCloses_doesNotKeepALateCommitmentAwaited() throws {
        let cluster = try cluster(5)
        #expect(cluster.reach(1))
        let late = cluster.sites[3].identity.member
        cluster.dropsPiece = { from, _, _ in from == 4 }
        cluster.drops = { from, to, message in
            switch message {
            case .closed: from == 4
            case .contribution(let signed): to == 2 && signed.signer == late
            default: false
            }
        }
        cluster.contributeAll()
        #expect(
            cluster.run(milliseconds: Timing().roundDeadline / 4) { (0..<4).allSatisfy { cluster.heights[$0] == 2 } })
    }

    /// Site 3 commits at once and withholds; site 2 needs ten times the shortest grace. The wait grows until it does.
    @Test func aSlowMember_isWaitedForLongerAfterARoundWithoutEnough() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for round in UInt64(2)...8 {
            let isReached = advance(cluster, to: round, slow: 2, after: 10 * Timing().graceMinimum, at: [3, 0, 1])
            #expect(isReached, "height \(round)")
            if round > 4 { #expect(authors(cluster) == members(0..<3, of: cluster), "height \(round)") }
        }
    }

    /// Enough have committed after 40 s, and six graces would be longer than what is left of the round.
    @Test func aSlowRoundWithASuspect_endsBeforeItsDeadline() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 2 }
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        cluster.dropsPiece = { _, _, _ in false }
        let began = cluster.now
        cluster.contribute(0)
        #expect(!cluster.run(milliseconds: 40_000) { cluster.heights[0] > 2 })
        for index in [1, 2] { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 3 } })
        #expect(cluster.now.since(began) < Timing().roundDeadline * 3 / 4)
        #expect(authors(cluster) == members(0..<3, of: cluster))
    }

    /// Site 3 commits at once; site 2 needs 20 s. Site 3 withholds whenever it is no suspect or the last version listed its
    /// contribution. Each failure makes the wait for site 2 longer, and nothing that site 3 does makes it shorter.
    @Test func aMemberThatWithholdsAndDeliversInTurn_failsAFewRoundsOnly() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        var withholds = true
        cluster.dropsPiece = { from, _, _ in from == 3 && withholds }
        var emptyRounds: [UInt64] = []
        for round in UInt64(2)...40 {
            let isReached = advance(cluster, to: round, slow: 2, after: 20_000, at: [3, 0, 1])
            try #require(isReached, "height \(round)")
            let listed = authors(cluster)
            if listed.isEmpty { emptyRounds.append(round) }
            withholds = listed.contains(cluster.sites[3].identity.member)
        }
        #expect(emptyRounds.count <= 6, "\(emptyRounds)")
        #expect(emptyRounds.allSatisfy { $0 < 20 || $0 > 30 }, "\(emptyRounds)")
    }

    /// Site 3 gives its payload only shortly before the round's deadline: it has failed all the same.
    @Test func aPayloadThatComesShortlyBeforeTheDeadline_isAFailure() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        var began = cluster.now
        cluster.dropsPiece = { from, _, _ in from == 3 && cluster.now.since(began) < 100_000 }
        for round in UInt64(2)...4 {
            began = cluster.now
            #expect(advance(cluster, to: round, slow: 2, after: 2000, at: [3, 0, 1]), "height \(round)")
            if round > 2 { #expect(cluster.now.since(began) < 20_000, "height \(round)") }
        }
        #expect(authors(cluster).isSuperset(of: members(0..<3, of: cluster)))
    }

    /// Site 3 is a suspect with many failures and delivers now; site 2 commits only after the others have closed the round. It
    /// is waited for in vain a few times, not in every round.
    @Test func aMemberThatIsWaitedForInVain_isNotWaitedForAgainAndAgain() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for round in UInt64(2)...5 {
            #expect(advance(cluster, to: round, slow: 2, after: 50_000, at: [3, 0, 1]), "height \(round)")
        }
        cluster.dropsPiece = { _, _, _ in false }
        var longRounds = 0
        for round in UInt64(6)...30 {
            let began = cluster.now
            for index in [3, 0, 1] { cluster.contribute(index) }
            var isLateDone = false
            let isReached = cluster.run {
                if !isLateDone, [0, 1, 3].allSatisfy({ cluster.sites[$0].node.height.own.closed != nil }) {
                    isLateDone = true
                    cluster.contribute(2)
                }
                return cluster.heights.allSatisfy { $0 == round }
            }
            #expect(isReached, "height \(round)")
            if cluster.now.since(began) > 4000 { longRounds += 1 }
        }
        #expect(longRounds <= 5)
    }

    /// Every member has an approved contribution of the round before. Those of this round lack approvals only.
    @Test func contributionsThatLackApprovals_areNotAwaitedWhereTheirAuthorsHaveOthers() throws {
        let cluster = try cluster(4, review: .approve)
        cluster.settle()
        let first = (0..<4).map { cluster.contribution(of: $0) }
        cluster.contributeAll()
        cluster.settle()
        cluster.give(1, .review(cluster.review(.approve, of: first[0], by: 1)))
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        for author in 1..<4 { cluster.give(0, .review(cluster.review(.approve, of: first[author], by: 0))) }
        cluster.contributeAll()
        #expect(cluster.run(milliseconds: Timing().roundDeadline / 4) { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(authors(cluster) == members(1..<4, of: cluster))
    }

    // MARK: - Records

    @Test func eachFailure_doublesThePauseAndBeginsItAnew_andThoseOfOneHeightCountOnce() {
        let member = MemberID(.zero)
        var records = FailureRecords(pauseMaximum: 8)
        for (failure, pause) in [(UInt64(0), UInt64(2)), (2, 4), (2, 4), (10, 8), (11, 8)] {
            records.note(member, at: Height(failure))
            #expect(records.isPaused(member, at: Height(failure + pause)), "at \(failure)")
            #expect(!records.isPaused(member, at: Height(failure + pause + 1)), "at \(failure)")
        }
        #expect(records.failures(of: member) == 4)
    }

    @Test func theWait_doublesWithEachFailureOfASuspect_andNeverPassesTheDeadline() {
        let member = MemberID(.zero)
        var suspects = Suspects()
        func wait(first: UInt64, left: UInt64) -> UInt64 {
            suspects.waitMilliseconds(for: [member], first: first, left: left)
        }
        suspects.noteFailure(of: member, at: Height(1))
        #expect(wait(first: 3000, left: 100_000) == 3000)
        #expect(wait(first: 3000, left: 4000) == 2000)
        suspects.noteFailure(of: member, at: Height(2))
        suspects.noteFailure(of: member, at: Height(3))
        #expect(wait(first: 3000, left: 100_000) == 12_000)
        for height in UInt64(4)...100 { suspects.noteFailure(of: member, at: Height(height)) }
        #expect(wait(first: 3000, left: 100_000) == 100_000)
    }

    @Test func absences_areForgottenTogether() {
        let member = MemberID(.zero)
        var suspects = Suspects()
        #expect(suspects.isWaitedFor(member, at: Height(1)))
        suspects.noteAbsence(of: member, at: Height(1))
        #expect(!suspects.isWaitedFor(member, at: Height(2)))
        suspects.forgetAbsences()
        #expect(suspects.isWaitedFor(member, at: Height(2)))
        #expect(!suspects.contains(member, at: Height(2)))
    }
}
