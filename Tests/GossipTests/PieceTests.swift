import Crypto
import Ledger
import Testing

@testable import Gossip

struct PieceTests {
    /// What was in flight for a contribution that nobody can list any more must not stand in the way of the next.
    @Test func piecesThatNeverCameDoNotBlockTheLinkForLaterContributions() throws {
        let town = try Town(count: 4, payloadPieces: 8)
        town.dropsPiece = { from, _, _ in from == 0 }
        town.settle()
        town.contribute(0)
        for height in 1...2 {
            for index in 1..<4 { town.contribute(index) }
            #expect(town.run(milliseconds: 5_000) { town.heights.allSatisfy { $0 >= UInt64(height) } })
        }
        town.dropsPiece = { _, _, _ in false }
        for index in 0..<4 { town.contribute(index) }
        #expect(town.run(milliseconds: 5_000) { town.heights.allSatisfy { $0 >= 3 } })
        for index in 0..<4 { #expect(town.sites[index].adopted.last?.version.manifest.count == 4) }
    }
}
