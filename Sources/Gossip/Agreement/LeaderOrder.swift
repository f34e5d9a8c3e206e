import Crypto
import Ledger

/// Who leads which view of a height: a permutation of its members, seeded by (network, height), around and around.
public struct LeaderOrder: Sendable {
    /// Positions in the member set.
    private let positions: [Int]

    /// - Parameter memberCount: of the set of that height, at least one.
    public init(network: NetworkID, height: Height, memberCount: Int) {
        let seed = Digest(
            DigestDomain("mesh/leaders"), network.digest.bytes + withUnsafeBytes(of: height.value.bigEndian, Array.init)
        )
        var generator = SeededRandom(seed: SecretBytes(seed.bytes))
        var order = Array(0..<memberCount)
        // Fisher-Yates with plain modulo: the bias is below 2^-53 and every implementation gets the same order.
        for index in stride(from: memberCount - 1, to: 0, by: -1) {
            order.swapAt(index, Int(generator.next() % UInt64(index + 1)))
        }
        positions = order
    }

    /// The leader's position in the member set; views count from 1.
    public func leader(of view: View) -> Int { positions[Int(view.value - 1) % positions.count] }
}
