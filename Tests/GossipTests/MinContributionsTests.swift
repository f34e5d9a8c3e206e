import Crypto
import Ledger
import Testing

@testable import Gossip

/// What members do while fewer contribute than the rules ask for.
@Suite struct MinContributionsTests {
    private func cluster(_ minContributions: UInt32) throws -> Cluster {
        var rules = Rules()
        rules.minContributions = minContributions
        let cluster = try Cluster(count: 4, rules: rules)
        cluster.settle()
        return cluster
    }

    @Test func fewerThanTheRulesAskForStartNoVersion() throws {
        let cluster = try cluster(3)
        cluster.contribute(0)
        cluster.contribute(1)
        #expect(!cluster.run(milliseconds: 3_600_000) { cluster.heights.contains { $0 > 0 } })
        for site in cluster.sites {
            #expect(!site.journal.contains { if case .ready = $0 { true } else { false } }, "nobody signs ready")
        }
        cluster.contribute(2)
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.sites[0].adopted.first?.version.manifest.count == 3)
    }

    /// The version that an action asks for lists nothing; what was there for it is listed with what comes next.
    @Test func anActionMakesAVersionThatListsNoneOfTooFew() throws {
        let cluster = try cluster(3)
        let early = cluster.contribution(of: 0)
        cluster.contribute(0)
        cluster.propose(cluster.action(.rules(cluster.otherRules)), by: [0, 1, 2])
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        let first = try #require(cluster.sites[0].adopted.first?.version)
        #expect(first.manifest.isEmpty && first.action != nil && first.roots == cluster.genesis.roots)
        #expect(cluster.chains.allSatisfy { $0.rules == cluster.otherRules && $0.trainedSteps == 0 })
        cluster.contribute(1)
        cluster.contribute(2)
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        let second = try #require(cluster.sites[3].adopted.last?.version)
        #expect(second.manifest.count == 3)
        #expect(second.manifest.contains { $0.slot == early.slot })
    }

    /// Three sites stop for ever: the operators lower the rule, and the fourth goes on.
    @Test func operatorsLowerTheRuleWhileNobodyElseContributes() throws {
        let cluster = try cluster(3)
        var lower = cluster.genesis.rules
        lower.minContributions = 1
        cluster.contribute(3)
        cluster.propose(cluster.action(.rules(lower)), by: [0, 1, 2])
        #expect(cluster.run { cluster.heights.allSatisfy { $0 >= 1 } })
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        let manifests = cluster.sites[0].adopted.map(\.version.manifest)
        #expect(manifests.map(\.count) == [0, 1])
    }

    /// A member leaves that the rule cannot do without: refused first, carried out after the rule was lowered.
    @Test func aMemberLeavesOnceTheRuleAllowsIt() throws {
        let cluster = try cluster(4)
        var lower = cluster.genesis.rules
        lower.minContributions = 3
        let leaves = cluster.sites[3].identity.member
        #expect(throws: ActionFault.rules(.minContributionsBeyondMembers(4, memberCount: 3))) {
            try cluster.chains[0].outcome(of: cluster.action(.remove(leaves)))
        }
        cluster.propose(cluster.action(.rules(lower)), by: [0, 1, 2])
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        cluster.propose(cluster.action(.remove(leaves)), by: [0, 1, 2])
        #expect(cluster.run { (0..<3).allSatisfy { cluster.heights[$0] == 2 } })
        #expect(cluster.chains[0].members.count == 3)
    }
}
