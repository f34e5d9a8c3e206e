import Crypto
import Ledger
import Testing

@testable import Gossip

struct ViewTests {
    /// A town in which everybody is ready and nobody hears a proposal or a vote: views end by time alone.
    private func deafTown() throws -> Town {
        let town = try Town(count: 4)
        town.drops = { _, _, message in
            switch message {
            case .proposal, .votes: true
            default: false
            }
        }
        town.settle()
        town.contributeAll()
        town.settle()
        return town
    }

    private func hasNullified(_ view: View, _ actions: [Action]) -> Bool {
        actions.contains { action in
            guard case .persist(_, let entries) = action else { return false }
            return entries.contains { entry in
                if case .vote(let signed) = entry {
                    signed.body.kind == .nullify && signed.body.view == view
                } else {
                    false
                }
            }
        }
    }

    @Test func whatDidNotFitAFetchIsAskedForNext() throws {
        let town = try Town(count: 4)
        town.settle()
        let node = town.sites[0].node
        let items = (1...300).map { FetchItem.nullification(View(UInt32($0))) }
        node.fetch(items)
        node.fetch(items)
        var asked: Set<FetchItem> = []
        for case .send(_, let bytes) in node.actions {
            if case .fetch(let items) = try Message(encoded: bytes) { asked.formUnion(items) }
        }
        #expect(asked == Set(items))
    }
}

struct SlotTests {}
