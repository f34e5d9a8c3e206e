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
        if review == .vetoWindow { rules.reviewSeconds = 60 }
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

    /// The version of a round that lists nothing, at the first three sites.
    private func endShort(_ cluster: Cluster, height: UInt64) {
        let isReached = cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == height } }
        #expect(isReached && authors(cluster).isEmpty, "height \(height)")
    }

    private func signed(_ contribution: Contribution, by index: Int, in cluster: Cluster) -> Message {
        .contribution(
            Signed(
                contribution, signer: contribution.author, key: cluster.sites[index].identity.nodeKey,
                network: contribution.network))
    }

    // MARK: - Who becomes one

    @Test func aMemberThatShowsEachOtherOneADifferentCommitment_isASuspectAtAll() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        for index in 0..<3 {
            let shown = cluster.contribution(of: 3, steps: UInt64(index + 1))
            cluster.inject(signed(shown, by: 3, in: cluster), from: 3, to: index)
        }
        for index in 0..<2 { cluster.contribute(index) }
        endShort(cluster, height: 2)
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// If it names its commitment before, the others have asked for it in vain, and ask whoever closes with it again.
    @Test(arguments: [false, true])
    func aMemberThatShowsItsCommitmentToOneOtherOnly_isASuspectAtAll(namesItBefore: Bool) throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        let hidden = cluster.contribution(of: 3)
        if namesItBefore {
            cluster.drops = { from, _, message in if case .closed = message { from == 3 } else { false } }
            let closed = Closed(height: Height(2), parent: hidden.base, commitments: [Commitment(hidden)])
            let key = cluster.sites[3].identity.nodeKey
            for index in 1..<3 {
                cluster.inject(
                    .closed(Signed(closed, signer: hidden.author, key: key, network: hidden.network)), from: 3,
                    to: index)
            }
            cluster.settle()
        }
        cluster.inject(signed(hidden, by: 3, in: cluster), from: 3, to: 0)
        for index in 0..<2 { cluster.contribute(index) }
        endShort(cluster, height: 2)
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    @Test func aMemberWhosePayloadIsRefused_isASuspect() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.refusedAuthors = [cluster.sites[3].identity.member]
        for index in [0, 1, 3] { cluster.contribute(index) }
        endShort(cluster, height: 2)
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// Site 2's commitment comes too late to site 1, so it is not committed, and site 2 must not show it.
    @Test func anHonestMemberThatIsNotCommitted_isNoSuspect() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        let late = cluster.sites[2].identity.member
        cluster.dropsPiece = { from, _, _ in from == 3 }
        cluster.drops = { from, to, message in
            switch message {
            case .contribution(let signed): to == 1 && signed.signer == late
            case .closed: from == 3
            default: false
            }
        }
        cluster.contributeAll()
        endShort(cluster, height: 2)
        for index in 0..<3 {
            #expect(isSuspect(3, at: index, in: cluster), "site \(index)")
            #expect(!isSuspect(2, at: index, in: cluster), "site \(index)")
        }
    }

    @Test func aPayloadThatIsMissing_isNoFailureIfTheRoundHasEnough() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        cluster.contributeAll()
        #expect(cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == 2 } })
        for index in 0..<3 { #expect(!isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// Site 3 shows its payload once the others are ready without it: before the version is adopted, and too late for it.
    @Test(arguments: [ReviewMode.open, .approve])
    func aMemberThatDeliversAfterTheOthersAreReady_isASuspect(review: ReviewMode) throws {
        let cluster = try cluster(4, minContributions: 3, review: review)
        cluster.settle()
        let slot = cluster.contribution(of: 3).slot
        var isShown = false
        var isHeld = false
        cluster.drops = { _, to, message in
            switch message {
            case .want: to == 3 && !isShown
            case .proposal: !isHeld
            default: false
            }
        }
        let made = [0, 1, 3].map { cluster.contribution(of: $0) }
        for index in [0, 1, 3] { cluster.contribute(index) }
        cluster.settle()
        for contribution in made where review == .approve {
            cluster.give(2, .review(cluster.review(.approve, of: contribution, by: 2)))
        }
        #expect(
            cluster.run {
                let nodes = (0..<3).map { cluster.sites[$0].node }
                isShown = isShown || nodes.allSatisfy { $0.height.own.ready != nil }
                isHeld = isHeld || nodes.allSatisfy { $0.contributions.slots[slot]?.certificate != nil }
                return (0..<3).allSatisfy { cluster.heights[$0] == 1 }
            })
        #expect(isHeld && authors(cluster).isEmpty)
        for index in 0..<3 { #expect(isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// Enough was delivered, and vetoes leave too little to list.
    @Test func aVersionThatIsEmptyBecauseOfVetoes_blamesNobody() throws {
        let cluster = try cluster(4, minContributions: 3, review: .vetoWindow)
        cluster.settle()
        cluster.dropsPiece = { from, _, _ in from == 3 }
        let vetoed = cluster.contribution(of: 2)
        cluster.contributeAll()
        for index in 0..<2 { cluster.give(index, .review(cluster.review(.veto, of: vetoed, by: index))) }
        endShort(cluster, height: 1)
        for index in 0..<3 { #expect(!isSuspect(3, at: index, in: cluster), "site \(index)") }
    }

    /// Site 2 is down and site 3 acknowledges nothing, so too few hold what sites 0 and 1 show all round.
    @Test func whoseOwnPayloadNobodyHolds_blamesNobody() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.crash(2)
        cluster.drops = { from, _, message in if case .availability = message { from == 3 } else { false } }
        for index in [0, 1, 3] { cluster.contribute(index) }
        #expect(cluster.run { (0..<2).allSatisfy { cluster.heights[$0] == 2 } })
        #expect(authors(cluster).isEmpty)
        #expect(!isSuspect(1, at: 0, in: cluster))
        #expect(!isSuspect(0, at: 1, in: cluster))
    }

    /// The only trainer's daemon restarts before its payload has arrived: the round goes on with it.
    @Test func theOnlyAuthor_isWaitedForWhileItRestarts() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { _, _, _ in true }
        cluster.contribute(0)
        #expect(cluster.run { cluster.sites[1].node.headRound?.isClosed ?? false })
        cluster.crash(0)
        #expect(!cluster.run(milliseconds: 5000) { cluster.heights[1] == 2 })
        cluster.dropsPiece = { _, _, _ in false }
        try cluster.restart(0)
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(authors(cluster) == members(0..<1, of: cluster))
        for index in 1..<4 { #expect(!isSuspect(0, at: index, in: cluster), "site \(index)") }
    }

    /// The only trainer has a slow line: a round takes as long as its payload, each time.
    @Test func aSlowLine_makesNobodyASuspect() throws {
        let cluster = try cluster(4)
        #expect(cluster.reach(1))
        cluster.pieceMilliseconds = 6000
        var took: [UInt64] = []
        for round in UInt64(2)...8 {
            let began = cluster.now
            cluster.contribute(0)
            #expect(cluster.run { cluster.heights.allSatisfy { $0 == round } }, "height \(round)")
            #expect(authors(cluster) == members(0..<1, of: cluster), "height \(round)")
            took.append(cluster.now.since(began))
            for index in 1..<4 { #expect(!isSuspect(0, at: index, in: cluster), "site \(index)") }
        }
        // In the first of them the others are expected too.
        #expect(took.dropFirst().allSatisfy { $0 < 30_000 }, "\(took)")
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

    enum Withholder: CaseIterable {
        /// Never shows its payload.
        case always
        /// Shows it in every other round.
        case inTurn
    }

    /// Site 3 commits at once; site 2 needs 20 s. Each failure of site 3 makes the wait for site 2 longer, and nothing that site
    /// 3 does makes it shorter, so a few rounds fail, and then one each time that it is no suspect any more.
    @Test(arguments: Withholder.allCases)
    func aMemberThatWithholds_failsAFewRoundsOnly_whileASlowMemberIsNeeded(withholder: Withholder) throws {
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
            if withholder == .inTurn { withholds = listed.contains(cluster.sites[3].identity.member) }
        }
        #expect(emptyRounds.count <= 6, "\(emptyRounds)")
    }

    /// Enough have committed after 40 s, and six graces would be longer than what is left of the round.
    @Test func aSlowRoundWithASuspect_endsBeforeItsDeadline() throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 2 }
        for index in 0..<3 { cluster.contribute(index) }
        endShort(cluster, height: 2)
        cluster.dropsPiece = { _, _, _ in false }
        let began = cluster.now
        cluster.contribute(0)
        #expect(!cluster.run(milliseconds: 40_000) { cluster.heights[0] > 2 })
        for index in [1, 2] { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 3 } })
        #expect(cluster.now.since(began) < Timing().roundDeadline * 3 / 4)
        #expect(authors(cluster) == members(0..<3, of: cluster))
    }

    enum Absent: CaseIterable {
        /// Its trainer rests.
        case idle
        /// Commits only after the others have closed the round.
        case late
    }

    /// Site 3 is a suspect with several failures and delivers now. Site 2, which does not commit in time, is waited for in vain
    /// a few times, not in every round.
    @Test(arguments: Absent.allCases)
    func aMemberThatIsWaitedForInVain_isNotWaitedForInEveryRound(absent: Absent) throws {
        let cluster = try cluster(4, minContributions: 3)
        #expect(cluster.reach(1))
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for round in UInt64(2)...4 { #expect(advance(cluster, to: round, slow: 2, after: 50_000, at: [3, 0, 1])) }
        #expect(isSuspect(3, at: 0, in: cluster))
        cluster.dropsPiece = { _, _, _ in false }
        // What was lost is given up, so that the rounds that are measured begin alike.
        _ = cluster.run(milliseconds: 2 * Timing().pieceTimeout) { false }
        var longRounds = 0
        for round in UInt64(5)...30 {
            let began = cluster.now
            for index in [3, 0, 1] { cluster.contribute(index) }
            var isLateDone = absent == .idle
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
        #expect((1...5).contains(longRounds), "\(longRounds)")
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

    @Test func eachFailure_doublesForHowLongAMemberIsASuspect_andThoseOfOneHeightCountOnce() {
        let member = MemberID(.zero)
        var suspects = Suspects()
        for (failure, heights) in [(UInt64(0), UInt64(2)), (2, 4), (2, 4), (10, 8), (11, 16), (20, 32), (21, 64)] {
            suspects.noteFailure(of: member, at: Height(failure))
            #expect(suspects.contains(member, at: Height(failure + heights)), "at \(failure)")
            #expect(!suspects.contains(member, at: Height(failure + heights + 1)), "at \(failure)")
        }
        for failure in UInt64(22)...30 { suspects.noteFailure(of: member, at: Height(failure)) }
        #expect(suspects.contains(member, at: Height(30 + Suspects.heightsMaximum)))
        #expect(!suspects.contains(member, at: Height(31 + Suspects.heightsMaximum)))
    }

    @Test func absences_areForgottenTogether() {
        let member = MemberID(.zero)
        var suspects = Suspects()
        #expect(suspects.isWaitedFor(member, at: Height(2)))
        suspects.noteWaitedInVain(for: [member], at: Height(1))
        #expect(!suspects.isWaitedFor(member, at: Height(2)))
        suspects.forgetAbsences()
        #expect(suspects.isWaitedFor(member, at: Height(2)))
        #expect(!suspects.contains(member, at: Height(2)))
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
}
