import Crypto
import Ledger
import Testing

@testable import Gossip

@Suite struct ReviewTests {
    private func town(count: Int = 4, _ change: (inout Rules) -> Void) throws -> Town {
        var rules = Rules()
        change(&rules)
        return try Town(count: count, rules: rules)
    }

    /// Everybody contributes, and what they made is known everywhere.
    private func contributions(_ town: Town) -> [Contribution] {
        let made = town.sites.indices.map { town.contribution(of: $0) }
        town.contributeAll()
        town.settle()
        return made
    }

    @Test func twoVetoesKeepAContributionOutAndOneDoesNot() throws {
        let town = try town {
            $0.review = .vetoWindow
            $0.reviewSeconds = 60
        }
        town.settle()
        let made = contributions(town)
        town.give(0, .review(town.review(.veto, of: made[3], by: 0)))
        town.give(1, .review(town.review(.veto, of: made[3], by: 1)))
        town.give(2, .review(town.review(.veto, of: made[0], by: 2)))
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        let authors = try #require(town.sites[0].adopted.first).version.manifest.map(\.slot.author)
        #expect(authors == [0, 1, 2].map { town.sites[$0].identity.member })
        #expect(town.chains[0].reviews[made[3].slot]?.vetoes(of: made[3].contributionDigest).count == 2)
        // Once embedded, it counts for ever: the slot is not named again.
        #expect(town.reach(2))
        #expect(
            town.sites[0].adopted[1].version.manifest.allSatisfy {
                $0.slot.base == town.sites[0].adopted[0].version.versionDigest
            })
    }

    @Test func theWindowIsWaitedFor() throws {
        let town = try town {
            $0.review = .vetoWindow
            $0.reviewSeconds = 300
        }
        town.settle()
        let began = town.now
        _ = contributions(town)
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.now.since(began) >= 300_000 && town.now.since(began) < 430_000)
        #expect(town.sites[0].adopted.first?.version.manifest.count == 4)
    }

    @Test func everythingVetoedMakesAnEmptyVersionAndTheMeshGoesOn() throws {
        let town = try town { $0.review = .vetoWindow }
        town.settle()
        town.drops = { _, _, message in if case .ready = message { true } else { false } }
        let made = town.sites.indices.map { town.contribution(of: $0) }
        // The operators are faster than the certificates.
        for contribution in made {
            for index in 0..<2 { town.give(index, .review(town.review(.veto, of: contribution, by: index))) }
        }
        town.settle()
        town.drops = { _, _, _ in false }
        town.contributeAll()
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.sites[0].adopted.first?.version.manifest.isEmpty ?? false)
        #expect(town.chains[0].trainedSteps == 0)
        #expect(town.reach(2))
        #expect(town.sites[0].adopted[1].version.manifest.count == 4)
    }

    @Test func vetoesBetweenNotarizationAndFinalizationComeTooLate() throws {
        let town = try town { $0.review = .vetoWindow }
        town.settle()
        let made = town.sites.indices.map { town.contribution(of: $0) }
        town.contributeAll()
        town.settleUntil { message in
            if case .votes(let votes) = message {
                votes.vote.kind == .notarize && votes.signatures.signatures.count >= 3
            } else {
                false
            }
        }
        #expect(town.sites.contains { $0.node.height.views.values.contains { $0.notarization != nil } })
        #expect(town.heights.allSatisfy { $0 == 0 })
        for index in 0..<4 { town.give(index, .review(town.review(.veto, of: made[1], by: index))) }
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.sites[0].adopted.first?.version.manifest.count == 4)
        #expect(town.sites[0].node.governance.reviews.isEmpty, "the slot is decided")
    }

    @Test func onlyWhatOthersApprovedIsListed() throws {
        let town = try town {
            $0.review = .approve
            $0.approvals = 1
        }
        town.settle()
        let made = contributions(town)
        // Its own approval counts for nothing.
        town.give(3, .review(town.review(.approve, of: made[3], by: 3)))
        #expect(!town.run(milliseconds: 400_000) { town.heights.contains { $0 > 0 } })
        town.give(0, .review(town.review(.approve, of: made[1], by: 0)))
        town.give(2, .review(town.review(.approve, of: made[0], by: 2)))
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        let authors = try #require(town.sites[0].adopted.first).version.manifest.map(\.slot.author)
        #expect(!authors.isEmpty && Set(authors).isSubset(of: Set([0, 1].map { town.sites[$0].identity.member })))
    }

    @Test func reviewsSurviveARestartAndReachWhoWasAway() throws {
        let town = try town {
            $0.review = .vetoWindow
            $0.reviewSeconds = 600
        }
        town.settle()
        let made = contributions(town)
        town.crash(3)
        town.give(0, .review(town.review(.veto, of: made[1], by: 0)))
        town.settle()
        town.crash(0)
        try town.restart(0)
        try town.restart(3)
        #expect(town.run { !town.sites[3].node.governance.reviews(of: made[1].slot).isEmpty })
        #expect(town.sites[0].node.governance.reviews(of: made[1].slot).count == 1)
    }

    @Test func aForgedReviewCutsTheLinkAndASecondVerdictIsIgnored() throws {
        let town = try town { $0.review = .vetoWindow }
        town.settle()
        town.drops = { _, _, message in if case .ready = message { true } else { false } }
        let made = contributions(town)
        town.inject(.review(town.review(.veto, of: made[1], by: 2)), from: 2, to: 0)
        town.inject(.review(town.review(.approve, of: made[1], by: 2)), from: 2, to: 0)
        town.settle()
        let held = town.sites[0].node.governance.reviews(of: made[1].slot)
        #expect(held.map(\.statement.verdict) == [.veto])
        let honest = town.review(.veto, of: made[2], by: 3)
        let forged = SignedReview(
            statement: town.review(.veto, of: made[1], by: 3).statement, signature: honest.signature)
        town.inject(.review(forged), from: 2, to: 0)
        town.settle()
        #expect(
            town.sites[0].notices.contains(.linkCutOff(town.sites[2].identity.member, .invalidSignature)))
    }

    /// What the first site of a town would name that holds everybody's certificate, and vetoes by these operators.
    private func content(of town: Town, vetoers: (_ author: Int) -> Range<Int>) -> ReadyContent {
        town.drops = { _, _, message in if case .ready = message { true } else { false } }
        town.settle()
        let made = contributions(town)
        for index in town.sites.indices.dropFirst() { town.crash(index) }
        town.settle()
        for (author, contribution) in made.enumerated() {
            for vetoer in vetoers(author) { town.give(0, .review(town.review(.veto, of: contribution, by: vetoer))) }
        }
        town.settle()
        return town.sites[0].node.readyContent()
    }

    @Test func vetoesThatAreTooFewTakeNobodysPlace() throws {
        let town = try town(count: 16) { $0.review = .vetoWindow }
        let faultBound = town.genesis.members.faultBound
        #expect(faultBound * 16 > Limits.readyReviews)
        let content = content(of: town) { $0 == 7 ? 0..<(2 * faultBound + 1) : 0..<faultBound }
        #expect(content.slots.count == 16)
        // As many as could be false vetoes besides those that are enough.
        let vetoed = town.sites[7].identity.member
        #expect(content.reviews.map(\.statement.slot.author) == Array(repeating: vetoed, count: 2 * faultBound + 1))
    }

    @Test func whatEnoughVetoedIsNamedWithItsVetoesOrNotAtAll() throws {
        let town = try town(count: 16) { $0.review = .vetoWindow }
        let needed = town.chains[0].vetoesNeeded
        let content = content(of: town) { _ in 0..<needed }
        #expect(content.slots.count == Limits.readyReviews / needed)
        for slot in content.slots {
            #expect(content.reviews.filter { $0.statement.slot == slot }.count == needed)
        }
    }

    @Test func whereNotAllApprovalsFitEverybodyHasItsTurn() throws {
        let town = try town(count: 9) {
            $0.review = .approve
            $0.approvals = 8
        }
        town.settle()
        for height in UInt64(1)...4 {
            for (author, contribution) in contributions(town).enumerated() {
                for index in town.sites.indices where index != author {
                    town.give(index, .review(town.review(.approve, of: contribution, by: index)))
                }
            }
            #expect(town.run { town.heights.allSatisfy { $0 == height } })
        }
        let listed = town.sites[0].adopted.map { Set($0.version.manifest.map(\.slot.author)) }
        #expect(listed.allSatisfy { $0.count >= 8 })
        for (earlier, later) in zip(listed, listed.dropFirst()) { #expect(earlier.union(later).count == 9) }
    }
}
