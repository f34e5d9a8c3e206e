import Crypto

/// What either side of a link says of itself once a handshake has failed because the two are of different networks: which
/// network it is of. Nothing vouches for it: it serves the operator's message, and nothing is ever decided by it.
///
/// The initiator, which cannot read message 2, sends it in place of message 3; a responder that gets it answers with its
/// own. A frame like those of the handshake: 2 bytes of length, most significant first, then 18 bytes of tag, 32 of network
/// id, the wire version in 2 bytes.
public struct NetworkHint: Hashable, Sendable {
    private static let tag = Array("mesh/other-network".utf8)
    private static let bodyBytes = tag.count + Digest.byteCount + 2

    public let network: NetworkID
    public let wireVersion: UInt16

    public init(network: NetworkID, wireVersion: UInt16 = LinkPrologue.wireVersion) {
        self.network = network
        self.wireVersion = wireVersion
    }

    public var frame: [UInt8] {
        [0, UInt8(NetworkHint.bodyBytes)] + NetworkHint.tag + network.digest.bytes
            + [UInt8(wireVersion >> 8), UInt8(wireVersion & 0xff)]
    }

    /// - Parameter body: a frame without its length; nil where it is no hint.
    public init?(body: some Collection<UInt8>) {
        let body = Array(body)
        let digestStart = NetworkHint.tag.count
        guard body.count == NetworkHint.bodyBytes, Array(body[..<digestStart]) == NetworkHint.tag,
            let digest = Digest(bytes: body[digestStart..<digestStart + Digest.byteCount])
        else { return nil }
        network = NetworkID(digest)
        wireVersion = UInt16(body[body.count - 2]) << 8 | UInt16(body[body.count - 1])
    }

    /// - Parameter bytes: what came so far, from a frame's length on.
    /// - Returns: whether more bytes could still make it a hint, and the hint where it is whole.
    public static func read(_ bytes: [UInt8]) -> (isOpen: Bool, hint: NetworkHint?) {
        let whole = 2 + bodyBytes
        guard bytes.count >= whole else { return (true, nil) }
        guard bytes[0] == 0, bytes[1] == UInt8(bodyBytes) else { return (false, nil) }
        return (false, NetworkHint(body: bytes[2..<whole]))
    }
}
