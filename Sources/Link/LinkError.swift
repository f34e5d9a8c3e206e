import Crypto
import Ledger

/// Why a link is over. Whatever it is, the connection is closed and nothing more is said on it.
public enum LinkError: Error, Equatable, Sendable {
    /// A frame whose length, as its two-byte prefix claims it, cannot be.
    case frameLength(byteCount: Int, byteCountMin: Int, byteCountMax: Int)

    /// Handshake message 2 does not authenticate: the other side holds another genesis file or speaks another wire
    /// version (or something between the two changed the bytes, which cannot be told apart).
    case otherNetworkOrWireVersion
    /// The same, where the other side said of which network it is. Nothing vouches for that.
    case otherNetwork(theirs: NetworkID, ours: NetworkID)
    /// Handshake message 1 to 3 was refused: a low-order key, a wrong tag, a message out of turn.
    case handshakeRefused(message: Int, NoiseError)
    /// Handshake message 1 carries no payload.
    case unexpectedPayload(byteCount: Int)
    /// The other side proved to own this link key, and nobody who may connect has it.
    case stranger(LinkPublicKey)
    /// The other side is this very node.
    case connectedToItself
    case malformedGreeting(RecordError)
    /// The link key belongs to one member and the greeting names another.
    case greetingOfOtherMember(linkKey: MemberID, greeting: MemberID)
    /// The node key of the link key's member did not sign this handshake.
    case invalidGreetingSignature(MemberID)
    /// A member answered, but not the one that was dialled.
    case unexpectedMember(expected: MemberID, found: MemberID)
    case handshakeTimedOut(milliseconds: UInt64)

    /// A frame (counted from 0 in its direction) with a wrong tag: changed, repeated, out of order, or one before it
    /// was lost.
    case frameNotAuthentic(counter: UInt64)
    /// A direction has used up its 2^64 - 1 nonces.
    case counterExhausted
    case unknownFrameKind(UInt8)
    /// A ping, pong or rekey frame with another length than its kind has.
    case malformedFrame(kind: UInt8, byteCount: Int)
    /// A first fragment that ends inside of its header.
    case truncatedHeader(kind: UInt8)
    /// A control message that claims to be empty or longer than `LinkLimits.messageBytesMaximum`.
    case controlLength(byteCount: Int, byteCountMax: Int)
    /// A piece that claims to be empty or longer than `LinkLimits.pieceBytesMaximum`.
    case pieceLength(byteCount: Int, byteCountMax: Int)
    case proofLength(digestCount: Int, digestCountMax: Int)
    /// A first fragment while the message before it is incomplete.
    case interruptedMessage(kind: UInt8)
    /// A further fragment where no message is under way.
    case orphanFragment(kind: UInt8)
    /// A further fragment without a byte in it.
    case emptyFragment(kind: UInt8)
    /// More bytes than the first fragment declared.
    case excessBytes(kind: UInt8, byteCount: Int, byteCountDeclared: Int)
    /// A change of key so soon after the last one.
    case earlyRekey(milliseconds: UInt64)
    /// A ping while the one before it is not answered yet.
    case unexpectedPing
    /// A pong that answers no ping of ours.
    case unexpectedPong
    /// A ping is unanswered and nothing came for so long.
    case silent(milliseconds: UInt64)
}

extension LinkError: CustomStringConvertible {
    /// One line for the operator's log and for `status`.
    public var description: String {
        switch self {
        case .frameLength(let count, let minimum, let maximum):
            "a frame of \(count) bytes, where \(minimum) to \(maximum) are possible: the other side does not speak our protocol"
        case .otherNetworkOrWireVersion: "the other side has another genesis file or another wire version"
        case .otherNetwork(let theirs, let ours):
            theirs == ours
                ? "the other side speaks another wire version"
                : "the other side has another genesis file: it is of network \(theirs.short) by its own word, this site of \(ours.short)"
        case .handshakeRefused(let message, let error): "handshake message \(message) was refused: \(error)"
        case .unexpectedPayload(let count): "handshake message 1 carries \(count) bytes of payload"
        case .stranger(let key): "no member has the link key \(key)"
        case .connectedToItself: "the address leads back to this node"
        case .malformedGreeting(let error): "the greeting is malformed: \(error)"
        case .greetingOfOtherMember(let linkKey, let greeting):
            "the link key of member \(linkKey.short) came with the greeting of member \(greeting.short)"
        case .invalidGreetingSignature(let member):
            "the greeting of member \(member.short) is not signed by its node key"
        case .unexpectedMember(let expected, let found):
            "member \(found.short) answered where member \(expected.short) was expected"
        case .handshakeTimedOut(let milliseconds): "no handshake within \(milliseconds) ms"
        case .frameNotAuthentic(let counter): "frame \(counter) is not authentic"
        case .counterExhausted: "the frame counter is used up"
        case .unknownFrameKind(let kind): "a frame of unknown kind \(kind)"
        case .malformedFrame(let kind, let count): "a frame of kind \(kind) with \(count) bytes"
        case .truncatedHeader(let kind): "a frame of kind \(kind) ends inside of its header"
        case .controlLength(let count, let maximum):
            "a control message of \(count) bytes, where 1 to \(maximum) are allowed"
        case .pieceLength(let count, let maximum): "a piece of \(count) bytes, where 1 to \(maximum) are allowed"
        case .proofLength(let count, let maximum): "a proof of \(count) digests, where at most \(maximum) are allowed"
        case .interruptedMessage(let kind): "a frame of kind \(kind) while the message before it is incomplete"
        case .orphanFragment(let kind): "a frame of kind \(kind) that continues no message"
        case .emptyFragment(let kind): "a frame of kind \(kind) without a byte"
        case .excessBytes(_, let count, let declared): "\(count) bytes of a message that declared \(declared)"
        case .earlyRekey(let milliseconds): "a change of key \(milliseconds) ms after the last one"
        case .unexpectedPing: "a ping before the last one was answered"
        case .unexpectedPong: "a pong that answers no ping"
        case .silent(let milliseconds): "nothing heard for \(milliseconds) ms"
        }
    }
}
