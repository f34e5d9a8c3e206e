import Crypto
import Ledger

/// What an address turned out to be.
enum ProbeFinding: Equatable {
    /// This member answered, with the link key and the node key that the member set names.
    case member(MemberID)
    /// The address leads back to the site that asks.
    case itself
    case unresolved(String)
    case unreachable(String)
    /// Connected, but nothing came, or not all.
    case silent
    /// Connected, and closed before it had answered.
    case closedEarly
    /// Something else listens there.
    case notAMesh
    /// Another genesis file or another wire version; with the network that the other side says it is of, which nothing
    /// vouches for.
    case otherNetwork(NetworkID?)
    /// It proved to own a link key that no member has.
    case notAMember(LinkPublicKey)
    /// A member's link key, but the greeting is of another member or not signed by the member's node key.
    case wrongKey(MemberID)
}

/// The first two messages of a link's handshake, to learn who answers at an address.
///
/// The third one, which would say who asks and open a link, is never sent: a probe leaves no trace at the other side and
/// takes no running daemon's place. So an initiator's own link key is not needed either.
struct ProbeHandshake {
    private let network: NetworkID
    private let ownLinkKey: LinkPublicKey?
    private let members: [Member]
    private var noise: NoiseHandshake
    private var received: [UInt8] = []

    /// A handshake message on the wire has at most so many bytes, after two bytes of length, most significant first.
    static let frameBytesMaximum = 512

    /// - Parameters:
    ///   - ownLinkKey: of the site that asks, to recognise itself.
    ///   - secrets: 32 bytes each, of fresh entropy.
    init(
        network: NetworkID, members: [Member], ownLinkKey: LinkPublicKey?, staticSecret: SecretBytes,
        ephemeralSecret: SecretBytes
    ) {
        self.members = members
        self.network = network
        self.ownLinkKey = ownLinkKey
        noise = NoiseHandshake(
            role: .initiator, prologue: LinkPrologue.bytes(network: network),
            localStatic: LinkKey(secret: staticSecret), ephemeralSecret: ephemeralSecret)
    }

    /// What to send first.
    mutating func start() throws(NoiseError) -> [UInt8] {
        let message = try noise.writeMessage()
        return [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
    }

    /// Takes what arrived; nil while the answer is not whole.
    mutating func receive(_ bytes: some Sequence<UInt8>) -> ProbeFinding? {
        received += bytes
        guard received.count >= 2 else { return nil }
        let count = Int(received[0]) << 8 | Int(received[1])
        guard (1...ProbeHandshake.frameBytesMaximum).contains(count) else { return .notAMesh }
        guard received.count >= 2 + count else { return nil }
        return finding(Array(received[2..<2 + count]))
    }

    private mutating func finding(_ message: [UInt8]) -> ProbeFinding {
        let payload: NoiseHandshake.Payload
        do throws(NoiseError) {
            payload = try noise.readMessage(message)
        } catch .authenticationFailed {
            return .otherNetwork(nil)
        } catch {
            return .notAMesh
        }
        guard let linkKey = noise.remoteStatic else { return .notAMesh }
        if linkKey == ownLinkKey { return .itself }
        guard let member = members.first(where: { $0.linkKey == linkKey }) else { return .notAMember(linkKey) }
        guard let greeting = try? LinkGreeting(encoded: payload.bytes), greeting.member == member.id,
            greeting.isSigned(by: member.nodeKey, handshakeHash: payload.handshakeHash, network: network)
        else { return .wrongKey(member.id) }
        return .member(member.id)
    }
}
