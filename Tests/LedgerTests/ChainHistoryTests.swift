import Crypto
import TestKit
import Testing

@testable import Ledger

@Suite struct ChainHistoryTests {
    private func version(_ number: Int) -> VersionDigest {
        VersionDigest(Digest(DigestDomain("test"), Array("\(number)".utf8)))
    }

    private func set(_ indexes: ClosedRange<Int>) throws -> MemberSet {
        try MemberSet(members: indexes.map { ChainBuilder.site($0).member })
    }

    @Test func everyHeightHasTheSetThatDecidedIt() throws {
        let (first, second, third) = (try set(1...4), try set(1...5), try set(2...5))
        var history = ChainHistory(genesis: version(0), members: first)
        // Version 3 changes the set of height 4 on, version 4 that of height 5 on.
        for (number, members) in [(1, first), (2, first), (3, second), (4, third), (5, third)] {
            history.append(version(number), members: members)
        }
        let expected = [nil, first, first, first, second, third, third, nil]
        for (height, members) in expected.enumerated() {
            #expect(history.members(of: Height(UInt64(height))) == members, "height \(height)")
        }
        for number in 0...5 { #expect(history.version(at: Height(UInt64(number))) == version(number)) }
        #expect(history.version(at: Height(6)) == nil)
    }

    @Test func itIsBoundedAndForgetsTheOldest() throws {
        let sets = [try set(1...4), try set(1...5)]
        var history = ChainHistory(genesis: version(0), members: sets[0])
        let last = ChainHistory.versionsMaximum + 10
        for number in 1...last { history.append(version(number), members: sets[number % 2]) }
        #expect(history.version(at: Height(UInt64(last))) == version(last))
        let kept = last - ChainHistory.versionsMaximum + 1
        #expect(history.version(at: Height(UInt64(kept))) == version(kept))
        #expect(history.version(at: Height(UInt64(kept - 1))) == nil)
        #expect(history.version(at: .genesis) == nil)
        let oldest = last + 1 - ChainHistory.changesMaximum + 1
        #expect(history.members(of: Height(UInt64(oldest))) == sets[(oldest - 1) % 2])
        #expect(history.members(of: Height(UInt64(oldest - 1))) == nil)
    }

    @Test func aChainKnowsItsOwn() throws {
        let builder = try ChainBuilder()
        #expect(builder.chain.history.members(of: Height(1)) == builder.genesis.members)
        #expect(builder.chain.history.version(at: .genesis) == builder.chain.headDigest)
        let draft = builder.draft(on: builder.chain, listing: [])
        let next = try builder.chain.advanced(by: draft.embedded)
        #expect(next.history.version(at: Height(1)) == next.headDigest)
        #expect(next.history.members(of: Height(2)) == next.members)
    }
}
