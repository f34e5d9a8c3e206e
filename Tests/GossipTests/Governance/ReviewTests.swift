import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

@Suite struct ReviewTests {
    private func cluster(count: Int = 4, _ change: (inout Rules) -> Void) throws -> Cluster {
        var rules = Rules()
        change(&rules)
        return try Cluster(count: count, rules: rules)
    }

    /// Everybody contributes, and what they made is known everywhere.
    private func contributions(_ cluster: Cluster) -> [Contribution] {
        let made = cluster.sites.indices.map { cluster.contribution(of: $0) }
        cluster.contributeAll()
        cluster.settle()
        return made
    }

    @Test func twoVetoesKeepAContributionOutAndOneDoesNot() throws {
        let cluster = try cluster {
            $0.review = .vetoWindow
            $0.reviewSeconds = 60
        }
        cluster.settle()
        let made = contributions(cluster)
        cluster.give(0, .review(cluster.review(.veto, of: made[3], by: 0)))
        cluster.give(1, .review(cluster.review(.veto, of: made[3], by: 1)))
        cluster.give(2, .review(cluster.review(.veto, of: made[0], by: 2)))
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        let authors = try #require(cluster.sites[0].adopted.first).version.manifest.map(\.slot.author)
        #expect(authors == [0, 1, 2].map { cluster.sites[$0].identity.member })
        #expect(cluster.chains[0].reviews[made[3].slot]?.vetoes(of: made[3].contributionDigest).count == 2)
        // Once embedded, it counts for ever: the slot is not named again.
        #expect(cluster.reach(2))
        #expect(
            cluster.sites[0].adopted[1].version.manifest.allSatisfy {
                $0.slot.base == cluster.sites[0].adopted[0].version.versionDigest
            })
    }

    @Test func theWindowIsWaitedFor() throws {
        let cluster = try cluster {
            $0.review = .vetoWindow
            $0.reviewSeconds = 300
        }
        cluster.settle()
        let began = cluster.now
        _ = contributions(cluster)
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.now.since(began) >= 300_000 && cluster.now.since(began) < 430_000)
        #expect(cluster.sites[0].adopted.first?.version.manifest.count == 4)
    }

    @Test func everythingVetoedMakesAnEmptyVersionAndTheMeshGoesOn() throws {
        let cluster = try cluster { $0.review = .vetoWindow }
        cluster.settle()
        cluster.drops = { _, _, message in if case .ready = message { true } else { false } }
        let made = cluster.sites.indices.map { cluster.contribution(of: $0) }
        // The operators are faster than the certificates.
        for contribution in made {
            for index in 0..<2 { cluster.give(index, .review(cluster.review(.veto, of: contribution, by: index))) }
        }
        cluster.settle()
        cluster.drops = { _, _, _ in false }
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.sites[0].adopted.first?.version.manifest.isEmpty ?? false)
        #expect(cluster.chains[0].trainedSteps == 0)
        #expect(cluster.reach(2))
        #expect(cluster.sites[0].adopted[1].version.manifest.count == 4)
    }

    @Test func vetoesBetweenNotarizationAndFinalizationComeTooLate() throws {
        let cluster = try cluster { $0.review = .vetoWindow }
        cluster.settle()
        let made = cluster.sites.indices.map { cluster.contribution(of: $0) }
        cluster.contributeAll()
        cluster.settleUntil { message in
            if case .votes(let votes) = message {
                votes.vote.kind == .notarize && votes.signatures.signatures.count >= 3
            } else {
                false
            }
        }
        #expect(cluster.sites.contains { $0.node.height.views.values.contains { $0.notarization != nil } })
        #expect(cluster.heights.allSatisfy { $0 == 0 })
        for index in 0..<4 { cluster.give(index, .review(cluster.review(.veto, of: made[1], by: index))) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.sites[0].adopted.first?.version.manifest.count == 4)
        #expect(cluster.sites[0].node.governance.reviews.isEmpty, "the slot is decided")
    }

    @Test func onlyWhatOthersApprovedIsListed() throws {
        let cluster = try cluster {
            $0.review = .approve
            $0.approvals = 1
        }
        cluster.settle()
        let made = contributions(cluster)
        // Its own approval counts for nothing.
        cluster.give(3, .review(cluster.review(.approve, of: made[3], by: 3)))
        #expect(!cluster.run(milliseconds: 400_000) { cluster.heights.contains { $0 > 0 } })
        cluster.give(0, .review(cluster.review(.approve, of: made[1], by: 0)))
        cluster.give(2, .review(cluster.review(.approve, of: made[0], by: 2)))
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        let authors = try #require(cluster.sites[0].adopted.first).version.manifest.map(\.slot.author)
        #expect(!authors.isEmpty && Set(authors).isSubset(of: Set([0, 1].map { cluster.sites[$0].identity.member })))
    }

    @Test func reviewsSurviveARestartAndReachWhoWasAway() throws {
        let cluster = try cluster {
            $0.review = .vetoWindow
            $0.reviewSeconds = 600
        }
        cluster.settle()
        let made = contributions(cluster)
        cluster.crash(3)
        cluster.give(0, .review(cluster.review(.veto, of: made[1], by: 0)))
        cluster.settle()
        cluster.crash(0)
        try cluster.restart(0)
        try cluster.restart(3)
        #expect(cluster.run { !cluster.sites[3].node.governance.reviews(of: made[1].slot).isEmpty })
        #expect(cluster.sites[0].node.governance.reviews(of: made[1].slot).count == 1)
    }

    @Test func aForgedReviewCutsTheLinkAndASecondVerdictIsIgnored() throws {
        let cluster = try cluster { $0.review = .vetoWindow }
        cluster.settle()
        cluster.drops = { _, _, message in if case .ready = message { true } else { false } }
        let made = contributions(cluster)
        cluster.inject(.review(cluster.review(.veto, of: made[1], by: 2)), from: 2, to: 0)
        cluster.inject(.review(cluster.review(.approve, of: made[1], by: 2)), from: 2, to: 0)
        cluster.settle()
        let held = cluster.sites[0].node.governance.reviews(of: made[1].slot)
        #expect(held.map(\.statement.verdict) == [.veto])
        let honest = cluster.review(.veto, of: made[2], by: 3)
        let forged = SignedReview(
            statement: cluster.review(.veto, of: made[1], by: 3).statement, signature: honest.signature)
        cluster.inject(.review(forged), from: 2, to: 0)
        cluster.settle()
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[2].identity.member, .invalidSignature)))
    }

    /// What the first site of a cluster would name that holds everybody's certificate, and vetoes by these operators.
    private func content(of cluster: Cluster, vetoers: (_ author: Int) -> Range<Int>) -> ReadyContent {
        cluster.drops = { _, _, message in if case .ready = message { true } else { false } }
        cluster.settle()
        let made = contributions(cluster)
        for index in cluster.sites.indices.dropFirst() { cluster.crash(index) }
        cluster.settle()
        for (author, contribution) in made.enumerated() {
            for vetoer in vetoers(author) {
                cluster.give(0, .review(cluster.review(.veto, of: contribution, by: vetoer)))
            }
        }
        cluster.settle()
        return cluster.sites[0].node.readyContent()
    }

    @Test func vetoesThatAreTooFewTakeNobodysPlace() throws {
        let cluster = try cluster(count: 16) { $0.review = .vetoWindow }
        let faultBound = cluster.genesis.members.faultBound
        #expect(faultBound * 16 > Limits.readyReviews)
        let content = content(of: cluster) { $0 == 7 ? 0..<(2 * faultBound + 1) : 0..<faultBound }
        #expect(content.slots.count == 16)
        // As many as could be false vetoes besides those that are enough.
        let vetoed = cluster.sites[7].identity.member
        #expect(content.reviews.map(\.statement.slot.author) == Array(repeating: vetoed, count: 2 * faultBound + 1))
    }

    @Test func whatEnoughVetoedIsNamedWithItsVetoesOrNotAtAll() throws {
        let cluster = try cluster(count: 16) { $0.review = .vetoWindow }
        let needed = cluster.chains[0].vetoesNeeded
        let content = content(of: cluster) { _ in 0..<needed }
        #expect(content.slots.count == Limits.readyReviews / needed)
        for slot in content.slots {
            #expect(content.reviews.filter { $0.statement.slot == slot }.count == needed)
        }
    }

    @Test func whereNotAllApprovalsFitEverybodyHasItsTurn() throws {
        let cluster = try cluster(count: 9) {
            $0.review = .approve
            $0.approvals = 8
        }
        cluster.settle()
        for height in UInt64(1)...4 {
            for (author, contribution) in contributions(cluster).enumerated() {
                for index in cluster.sites.indices where index != author {
                    cluster.give(index, .review(cluster.review(.approve, of: contribution, by: index)))
                }
            }
            #expect(cluster.run { cluster.heights.allSatisfy { $0 == height } })
        }
        let listed = cluster.sites[0].adopted.map { Set($0.version.manifest.map(\.slot.author)) }
        #expect(listed.allSatisfy { $0.count >= 8 })
        for (earlier, later) in zip(listed, listed.dropFirst()) { #expect(earlier.union(later).count == 9) }
    }
}
