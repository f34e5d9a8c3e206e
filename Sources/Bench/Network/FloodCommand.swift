import ArgumentParser
import Crypto
import Foundation
import Gossip
import Ledger
import Link

/// A member that has gone mad: sends one daemon the same request without end and reads none of the answers.
struct FloodCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flood", abstract: "Floods one daemon over one link, as a member with valid keys could.",
        discussion: "Connects again whenever it is cut off. Prints what it sent.")

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        /// Asks for version 1, which is read from the store and is large.
        case version
        /// Asks for the newest payload, which is answered from memory.
        case payload
        /// Asks for pieces of a contribution.
        case pieces
        /// Says what it holds of contributions that nobody has heard of.
        case unknown
        /// Asks for 256 objects that no member has: 9 kB that take longer to read than to send.
        case objects
        /// Sends what is no message at all, as long as a message may be.
        case malformed
    }

    @Option(help: "The genesis file.")
    var genesis: String
    @Option(help: "The directory with node.key and link.key of the member that floods.")
    var keys: String
    @Option(help: "Numeric IPv4 address of the daemon.")
    var address: String
    @Option(help: "Its port.")
    var port: UInt16
    @Option var kind: Kind
    @Option(help: "How many messages to send.")
    var messages: Int
    @Option(help: "The contribution whose pieces, or the version whose payload is asked for: 64 hexadecimal digits.")
    var digest: String?

    func run() throws {
        let file = try GenesisFile(encoded: Array(Data(contentsOf: URL(fileURLWithPath: genesis))))
        let nodeKey = try KeyFile.load(.nodeKey, from: keys + "/node.key").signingKey(passphrase: nil)
        let linkKey = try KeyFile.load(.linkKey, from: keys + "/link.key").linkKey(passphrase: nil)
        guard let member = file.genesis.members.linkPeer(linkKey: linkKey.publicKey) else {
            throw ValidationError("the keys are of no member")
        }
        let identity = LinkIdentity(
            network: file.genesis.network, member: member.member, nodeKey: nodeKey, linkKey: linkKey)
        let named = try digest.map { text in
            guard let digest = Digest(hex: text) else { throw ValidationError("not a digest: \(text)") }
            return digest
        }
        var random = SeededRandom.system()
        var sent = 0
        var bytes = 0
        var connections = 0
        while sent < messages {
            guard let link = FloodLink(identity, file.genesis.members, address, port, &random) else {
                // The other side's gate lets so many in a second.
                usleep(100_000)
                continue
            }
            connections += 1
            while sent < messages {
                let message = message(number: sent, named ?? Digest(DigestDomain("mesh/bench"), []))
                guard let count = link.send(message) else { break }
                sent += 1
                bytes += count
            }
        }
        print("\(sent) messages, \(bytes) bytes, \(connections) connections")
    }

    /// As `Gossip` writes it: an array of the message's number and its body.
    private func message(number: Int, _ named: Digest) -> [UInt8] {
        let body: CBOR
        switch kind {
        case .version: body = .array([.unsigned(11), .array([.array([.unsigned(7), .unsigned(1)])])])
        case .payload: body = .array([.unsigned(11), .array([.array([.unsigned(1), .bytes(named.bytes)])])])
        case .pieces:
            body = .array([
                .unsigned(4), .array([.bytes(named.bytes), .array((0..<32).map { .unsigned(UInt64($0)) })]),
            ])
        case .unknown:
            let digest = Digest(DigestDomain("mesh/bench"), withUnsafeBytes(of: number, Array.init))
            body = .array([
                .unsigned(3),
                .array([.bytes(digest.bytes), .unsigned(80_000), .bytes([UInt8](repeating: 0, count: 10_000))]),
            ])
        case .objects:
            let names = (0..<256).map {
                Digest(DigestDomain("mesh/bench"), withUnsafeBytes(of: (number, $0), Array.init))
            }
            body = .array([.unsigned(11), .array(names.map { .array([.unsigned(2), .bytes($0.bytes)]) })])
        case .malformed: return [UInt8](repeating: 0, count: Wire.messageBytesMaximum)
        }
        return body.encoded
    }
}

/// A connection that is only ever written to, once the handshake is done.
private final class FloodLink {
    private let descriptor: Int32
    private let session: LinkSession

    /// Nil where the other side does not let it in.
    init?(
        _ identity: LinkIdentity, _ members: MemberSet, _ address: String, _ port: UInt16, _ random: inout SeededRandom
    ) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        session = LinkSession(
            role: .initiator, identity: identity, admit: { members.linkPeer(linkKey: $0) }, random: &random,
            now: FloodLink.now)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &target.sin_addr) == 1,
            withUnsafePointer(
                to: target,
                {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }) == 0, shakeHands()
        else { return nil }
    }

    deinit { close(descriptor) }

    private static var now: Link.Instant {
        Link.Instant(milliseconds: DispatchTime.now().uptimeNanoseconds / 1_000_000)
    }

    private func shakeHands() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !session.isEstablished {
            guard flush() != nil else { return false }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            var outputs: [LinkOutput] = []
            guard count > 0,
                (try? session.receive(Array(buffer[..<count]), now: FloodLink.now, into: &outputs)) != nil
            else { return false }
        }
        return true
    }

    /// Returns the bytes that it took; nil where the connection is gone.
    func send(_ message: [UInt8]) -> Int? {
        session.enqueueControl(message)
        return flush()
    }

    private func flush() -> Int? {
        var total = 0
        while let frame = try? session.nextFrame(now: FloodLink.now) {
            var sent = 0
            while sent < frame.count {
                let count = frame.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, frame.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return nil }
                sent += count
            }
            total += frame.count
        }
        return total
    }
}
