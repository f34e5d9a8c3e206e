import Crypto
import Ledger
import Testing

@testable import Gossip

/// What members do while fewer contribute than the rules ask for.
@Suite struct MinContributionsTests {
    private func town(_ minContributions: UInt32) throws -> Town {
        var rules = Rules()
        rules.minContributions = minContributions
        let town = try Town(count: 4, rules: rules)
        town.settle()
        return town
    }

    @Test func fewerThanTheRulesAskForStartNoVersion() throws {
        let town = try town(3)
        town.contribute(0)
        town.contribute(1)
        #expect(!town.run(milliseconds: 3_600_000) { town.heights.contains { $0 > 0 } })
        for site in town.sites {
            #expect(!site.journal.contains { if case .ready = $0 { true } else { false } }, "nobody signs ready")
        }
        town.contribute(2)
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.sites[0].adopted.first?.version.manifest.count == 3)
    }

    /// The version that an action asks for lists nothing; what was there for it is listed with what comes next.
    @Test func anActionMakesAVersionThatListsNoneOfTooFew() throws {
        let town = try town(3)
        let early = town.contribution(of: 0)
        town.contribute(0)
        town.propose(town.action(.rules(town.otherRules)), by: [0, 1, 2])
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        let first = try #require(town.sites[0].adopted.first?.version)
        #expect(first.manifest.isEmpty && first.action != nil && first.roots == town.genesis.roots)
        #expect(town.chains.allSatisfy { $0.rules == town.otherRules && $0.trainedSteps == 0 })
        town.contribute(1)
        town.contribute(2)
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        let second = try #require(town.sites[3].adopted.last?.version)
        #expect(second.manifest.count == 3)
        #expect(second.manifest.contains { $0.slot == early.slot })
    }

    /// Three sites stop for ever: the operators lower the rule, and the fourth goes on.
    @Test func operatorsLowerTheRuleWhileNobodyElseContributes() throws {
        let town = try town(3)
        var lower = town.genesis.rules
        lower.minContributions = 1
        town.contribute(3)
        town.propose(town.action(.rules(lower)), by: [0, 1, 2])
        #expect(town.run { town.heights.allSatisfy { $0 >= 1 } })
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        let manifests = town.sites[0].adopted.map(\.version.manifest)
        #expect(manifests.map(\.count) == [0, 1])
    }

    /// A member leaves that the rule cannot do without: refused first, carried out after the rule was lowered.
    @Test func aMemberLeavesOnceTheRuleAllowsIt() throws {
        let town = try town(4)
        var lower = town.genesis.rules
        lower.minContributions = 3
        let leaves = town.sites[3].identity.member
        #expect(throws: ActionFault.rules(.minContributionsBeyondMembers(4, memberCount: 3))) {
            try town.chains[0].outcome(of: town.action(.remove(leaves)))
        }
        town.propose(town.action(.rules(lower)), by: [0, 1, 2])
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        town.propose(town.action(.remove(leaves)), by: [0, 1, 2])
        #expect(town.run { (0..<3).allSatisfy { town.heights[$0] == 2 } })
        #expect(town.chains[0].members.count == 3)
    }
}
