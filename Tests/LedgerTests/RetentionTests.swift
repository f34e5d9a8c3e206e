import Crypto
import Ledger
import Testing

/// What sites may count on that others keep.
struct RetentionTests {
    private func rules(_ retention: UInt32, staleness: UInt32 = 1) -> Rules {
        var rules = Rules()
        rules.retentionVersions = retention
        rules.maxStaleness = staleness
        return rules
    }

    @Test(arguments: [2, 3, 4, 8, 31, 32, 100, 1024, 1 << 20] as [UInt32], [0, 1, 16] as [UInt32])
    func everyVersionOfTheWindowCanBeReplayedFromABaseThatIsKept(retention: UInt32, staleness: UInt32) {
        let rules = rules(retention, staleness: staleness)
        for head in [0, 1, 2, 3, 7, 16, 31, 32, 33, 100, 1023, 1024, 5000].map({ Height($0) }) {
            let oldest = rules.oldestBase(head: head)
            #expect(rules.keepsBase(oldest, head: head))
            #expect(head.value <= UInt64(retention) || oldest.value <= head.value - UInt64(retention))
            // Whatever a version beyond it lists was made on a base whose payloads are kept.
            let lowestListed = oldest.value - min(oldest.value, UInt64(staleness))
            for base in lowestListed...head.value {
                #expect(rules.keepsPayload(base: Height(base), head: head))
            }
        }
    }

    @Test(arguments: [2, 4, 32, 1024] as [UInt32])
    func theNewestPinnedVersionIsKeptUntilTwoMoreHaveFollowed(retention: UInt32) {
        let rules = rules(retention)
        let interval = rules.pinInterval
        for pin in stride(from: UInt64(0), through: 10 * interval, by: Int(interval)) {
            for head in pin..<pin + 2 * interval { #expect(rules.keepsBase(Height(pin), head: Height(head))) }
        }
    }

    @Test func theHeadAndEveryPossibleBaseAreKept() {
        let rules = rules(1024, staleness: 4)
        for head in UInt64(0)...100 {
            for base in head - min(head, 4)...head { #expect(rules.keepsBase(Height(base), head: Height(head))) }
            #expect(!rules.keepsBase(Height(head + 1), head: Height(head)))
        }
    }

    @Test func aWindowHoldsAFewBasesHoweverLongItIs() {
        for retention in [2, 8, 100, 1024, 1 << 20] as [UInt32] {
            let rules = rules(retention)
            let head = Height(3 * UInt64(retention) + 5)
            let kept = (0...head.value).count { rules.keepsBase(Height($0), head: head) }
            #expect(kept <= 13)
        }
    }

    /// A site that lets go what it may after each version, through changes of the window and of the staleness.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func whatMayBeRevertedCanBeReplayedThroughAllChangesOfTheRules(seed: UInt64) throws {
        var random = SeededRandom(simulationSeed: seed)
        let builder = try ChainBuilder(rules: rules(UInt32.random(in: 2...40, using: &random)))
        var chain = builder.chain
        var bases: Set<Height> = [.genesis]
        // Heights of bases whose payloads are here, and the last version that could list something on each base.
        var payloads: Set<Height> = []
        var listings: [Height: Height] = [:]
        var sequence: UInt64 = 0
        for _ in 0..<90 {
            var change: CompleteAction?
            let next = rules(
                UInt32.random(in: 2...60, using: &random), staleness: UInt32.random(in: 0...6, using: &random))
            if UInt32.random(in: 0..<12, using: &random) == 0, next != chain.rules {
                sequence += 1
                change = try builder.complete(.rules(next), on: chain, signedBy: [0, 1, 2], sequence: sequence)
            }
            let listable = chain.bases
            chain = try chain.advanced(by: builder.draft(on: chain, carrying: change).embedded)
            for base in listable { listings[base.height] = chain.height }
            payloads.formUnion(chain.bases.map(\.height))
            bases.insert(chain.height)
            bases = bases.filter { chain.keepsBase($0) }
            payloads = payloads.filter { chain.keepsPayload(base: $0) }
            guard chain.oldestRevertable <= chain.height else { continue }
            for from in chain.oldestRevertable.value...chain.height.value {
                let start = try #require(bases.filter { $0.value < from }.max(), "\(from) at \(chain.height)")
                let needed = listings.filter { $0.value > start }.keys
                #expect(payloads.isSuperset(of: needed), "\(from) at \(chain.height)")
            }
        }
    }
}
