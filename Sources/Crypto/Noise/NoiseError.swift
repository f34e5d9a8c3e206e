/// Why a Noise message was refused. After any of these the link is closed: there is nothing to retry.
public enum NoiseError: Error, Hashable, Sendable {
    /// A message or a payload that Noise's 65,535 bytes cannot hold.
    case messageTooLong(byteCount: Int, byteCountMax: Int)
    /// A message that ends before the keys and tags that it must hold.
    case messageTooShort(byteCount: Int, byteCountMin: Int)
    /// The other side has to send handshake message `message` (1 to 3); or the handshake is over, and it is 4.
    case notOurTurn(message: Int)
    /// The result of a key agreement was all zero: the other side sent a point of low order.
    case lowOrderPublicKey
    /// The tag is wrong: another key, another transcript, a changed, repeated or lost frame.
    case authenticationFailed
    /// The counter reached 2^64 - 1, which the specification reserves.
    case counterExhausted
    /// An earlier message of this handshake was refused.
    case handshakeFailed
}

extension NoiseError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .messageTooLong(let count, let maximum): "a message of \(count) bytes, at most \(maximum) are possible"
        case .messageTooShort(let count, let minimum): "a message of \(count) bytes, at least \(minimum) are needed"
        case .notOurTurn(let message):
            message > 3 ? "the handshake is over" : "the other side must send message \(message)"
        case .lowOrderPublicKey: "a public key is of low order"
        case .authenticationFailed: "it does not authenticate"
        case .counterExhausted: "all nonces are used"
        case .handshakeFailed: "an earlier message of this handshake was refused"
        }
    }
}
