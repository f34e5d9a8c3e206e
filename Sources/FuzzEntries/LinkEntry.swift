import Crypto
import Gossip
import Ledger
import Link

/// A stranger's bytes on a link: nothing is established, and no more is kept than a handshake needs.
enum LinkEntry {
    static func respond(to bytes: [UInt8]) {
        let session = session(.responder)
        feed(bytes, to: session)
        precondition(session.member == nil, "a stranger passed for a member")
        precondition(session.bufferedBytes <= 2 + LinkLimits.handshakeFrameBytesMaximum, "more is kept than a frame")
    }

    static func initiate(with bytes: [UInt8]) {
        let session = session(.initiator)
        precondition((try? session.nextFrame(now: Instant(milliseconds: 0))) != nil, "who dials speaks first")
        feed(bytes, to: session)
        precondition(session.bufferedBytes <= 2 + LinkLimits.frameBytesMaximum, "more is kept than a frame")
    }

    static func session(_ role: NoiseHandshake.Role) -> LinkSession {
        // Both ends draw from fixed seeds, so that a recorded handshake fits up to where it was changed.
        let number: UInt64 = role == .initiator ? 0 : 1
        let site = SmallMesh.site(number)
        var random = SeededRandom(simulationSeed: number)
        let identity = LinkIdentity(
            network: SmallMesh.genesis.network, member: site.member.id, nodeKey: site.nodeKey, linkKey: site.linkKey)
        return LinkSession(
            role: role, identity: identity, expected: nil,
            admit: { SmallMesh.genesis.members.linkPeer(linkKey: $0) }, random: &random, now: Instant(milliseconds: 0))
    }

    /// In pieces of seven bytes, answering in between as a shell does, until the session refuses.
    private static func feed(_ bytes: [UInt8], to session: LinkSession) {
        var outputs: [LinkOutput] = []
        var rest = bytes[...]
        do {
            while !rest.isEmpty {
                try session.receive(Array(rest.prefix(7)), now: Instant(milliseconds: 1), into: &outputs)
                rest = rest.dropFirst(7)
                while try session.nextFrame(now: Instant(milliseconds: 1)) != nil {}
            }
        } catch {
            precondition(
                (try? session.receive([0], now: Instant(milliseconds: 2), into: &outputs)) == nil,
                "a session that failed goes on")
        }
        precondition(outputs.isEmpty && !session.isEstablished, "a stranger got in")
    }
}
