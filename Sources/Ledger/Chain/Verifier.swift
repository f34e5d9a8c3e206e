import Crypto

/// Checks signatures and remembers the valid ones, so that a certificate whose votes came one by one costs no second
/// verification. Holds at most two generations of `capacity` entries of 32 bytes each; never remembers a failure.
public final class Verifier {
    private var current: Set<Digest> = []
    private var previous: Set<Digest> = []
    private let capacity: Int
    /// How many signatures were really computed.
    public private(set) var computed: UInt64 = 0

    private static let domain = DigestDomain("mesh/verified")

    public init(capacity: Int = 1 << 15) { self.capacity = capacity }

    func isSigned(
        _ signature: Signature, over statement: some Statement, by key: VerifyingKey, network: NetworkID
    ) -> Bool {
        // The one part of unknown length comes first: the rest is told apart from the end.
        let tag = type(of: statement).tag.utf8
        var bytes = statement.encoded
        bytes += key.bytes
        bytes += signature.bytes
        bytes += network.digest.bytes
        bytes += tag
        bytes.append(UInt8(tag.count))
        let name = Digest(Verifier.domain, bytes)
        if current.contains(name) || previous.contains(name) { return true }
        computed += 1
        guard statement.isSigned(signature, by: key, network: network) else { return false }
        if current.count >= capacity {
            previous = current
            current = []
        }
        current.insert(name)
        return true
    }
}
