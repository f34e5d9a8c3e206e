import Compression
import Crypto
import EventLoop
import Glibc
import Gossip
import Ledger
import Link
import Tensor
import Testing

@testable import MeshNode

/// Transports without daemons, on one loop: which links come to stand, and come back.
final class LinkingTests {
    /// One site's transport, and what it told.
    private final class Site {
        let identity: LinkIdentity
        let transport: Transport
        var admitted: [LinkPublicKey: LinkPeer] = [:]
        var links: [MemberID: LinkID] = [:]
        var upCount = 0
        var messages: [[UInt8]] = []
        /// Bytes of pieces that came and were not released, by link.
        var pieceBytes: [LinkID: Int] = [:]

        init(_ identity: LinkIdentity, _ loop: EventLoop, peers: [String] = []) throws {
            self.identity = identity
            transport = try Transport(
                loop: loop, identity: identity, peers: peers, own: [], random: SeededRandom.system())
            transport.admit = { [unowned self] in admitted[$0] }
            transport.onEvent = { [unowned self] in noticed($0) }
            try transport.start(listen: [.loopback(port: 0)])
        }

        var address: String { transport.listenAddresses.first?.description ?? "" }
        var member: MemberID { identity.member }

        func admit(_ identity: LinkIdentity) {
            admitted[identity.linkKey.publicKey] = LinkPeer(
                member: identity.member, nodeKey: identity.nodeKey.verifyingKey)
        }

        private func noticed(_ event: TransportEvent) {
            switch event {
            case .linkUp(let link, let member):
                upCount += 1
                links[member] = link
            case .linkDown(let link): links = links.filter { $0.value != link }
            case .message(_, let bytes): messages.append(bytes)
            case .piece(let link, _, _, let bytes): pieceBytes[link, default: 0] += bytes.count
            }
        }
    }

    private let loop: EventLoop
    private var sites: [Site] = []

    init() throws { loop = try EventLoop() }

    deinit {
        for site in sites { site.transport.close() }
        loop.close()
    }

    private func identity(_ member: MemberID) -> LinkIdentity {
        LinkIdentity(
            network: NetworkID(Digest(DigestDomain("test"), [0])), member: member,
            nodeKey: SigningKey(seed: .random(count: 32)), linkKey: LinkKey(secret: .random(count: 32)))
    }

    /// So many sites that admit each other; none knows an address.
    private func makeSites(_ count: UInt8) throws -> [Site] {
        sites = try (0..<count).map {
            try Site(identity(MemberID(Digest(DigestDomain("test"), [$0]))), loop)
        }
        for site in sites {
            for other in sites where other !== site { site.admit(other.identity) }
        }
        return sites
    }

    private func link(_ dialler: Site, _ other: Site) throws {
        dialler.transport.setAddresses([other.address], of: other.member)
        try loop.wait(for: "the link") { dialler.links[other.member] != nil && other.links[dialler.member] != nil }
    }

    @Test("A member that announces another's address as its own hinders nobody from dialling it", arguments: [0, 1])
    func announcesAnothersAddress(linkedFirst: Int) throws {
        let sites = try makeSites(3)
        let (site, faulty, victim) = (sites[0], sites[1], sites[2])
        if linkedFirst == 1 { try link(site, faulty) }
        site.transport.setAddresses([victim.address], of: victim.member)
        site.transport.setAddresses([victim.address], of: faulty.member)
        try loop.wait(for: "the link to the victim") { site.links[victim.member] != nil }
        // It is lost, and comes back whatever the other announces meanwhile, and also once that is no member any more.
        let first = try #require(site.links[victim.member])
        site.transport.close(first)
        site.transport.setAddresses([victim.address, "127.0.0.1:1"], of: faulty.member)
        try loop.wait(for: "the second link") { site.links[victim.member].map { $0 != first } ?? false }
        let second = try #require(site.links[victim.member])
        site.transport.retain { $0 != faulty.member }
        site.transport.close(second)
        try loop.wait(for: "the third link") { site.links[victim.member].map { $0 != second } ?? false }
    }

    /// Of two connections the one that the lower member dialled stays. The higher one dials its configured address all
    /// the same, and must not take it for a refusal that its connection goes.
    @Test("A configured address at which a linked member answers shows no error")
    func findsWhoAnswersAtAConfiguredAddress() throws {
        let members = [1, 2].map { MemberID(Digest(DigestDomain("test"), [$0])) }.sorted()
        let lower = try Site(identity(members[0]), loop)
        let higher = try Site(identity(members[1]), loop, peers: [lower.address])
        sites = [lower, higher]
        higher.admit(lower.identity)
        try loop.wait(for: "the dial to be refused") { higher.transport.targets.first?.lastError != nil }
        lower.admit(higher.identity)
        try link(lower, higher)
        try loop.wait(for: "the address to be known as the member's") {
            higher.transport.targets.first?.member == lower.member
        }
        #expect(higher.transport.targets.first?.lastError == nil)
        #expect(lower.upCount == 1 && higher.upCount == 1)
    }

    @Test("Strangers that fill the places for handshakes keep neither this site's own dialling nor a member out")
    func strangersFillThePlaces() throws {
        let sites = try makeSites(3)
        let (site, reached, caller) = (sites[0], sites[1], sites[2])
        site.transport.acceptedHandshakesMaximum = 2
        var strangers: [TCPConnection] = []
        for _ in 0..<4 {
            try TCPConnection.connect(
                loop: loop, to: SocketAddress(parsing: site.address), timeoutMilliseconds: 5_000
            ) { if case .success(let stream) = $0 { strangers.append(stream) } }
        }
        try loop.wait(for: "the strangers") { strangers.count == 4 }
        defer { for stranger in strangers { stranger.close() } }
        try loop.wait(for: "full places") { site.transport.acceptedHandshakes.count == 2 }
        try link(site, reached)
        let during = site.transport.acceptedHandshakes.count
        #expect(during == 2, "the strangers are still there")
        try link(caller, site)
        let after = site.transport.acceptedHandshakes.count
        #expect(after == 1, "the older stranger made room")
    }

    @Test("A link that waited for others' pieces is read on when a link that held them ends")
    func resumesWhereAnotherEnds() throws {
        let sites = try makeSites(3)
        let (site, holder, waiting) = (sites[0], sites[1], sites[2])
        let piece = [UInt8](repeating: 1, count: 1 << 16)
        site.transport.receiveBytesMaximum = piece.count
        try link(holder, site)
        try link(waiting, site)
        let name = PieceName(contribution: ContributionDigest(Digest(DigestDomain("test"), [9])), index: 0)
        func send(_ other: Site) throws -> LinkID {
            let link = try #require(other.links[site.member])
            #expect(other.transport.reservePiece(piece.count, for: link))
            other.transport.sendPiece(name, (piece, []), reserved: piece.count, to: link)
            let here = try #require(site.links[other.member])
            try loop.wait(for: "the piece") { site.pieceBytes[here] != nil }
            return here
        }
        let held = try send(holder)
        let paused = try send(waiting)
        site.transport.release(piece.count, from: paused)
        site.transport.close(held)
        let back = try #require(waiting.links[site.member])
        waiting.transport.send([7], to: back)
        try loop.wait(for: "the message") { site.messages == [[7]] }
    }

    /// Frames, proofs, piece headers, link frames and their tags: everything that the sender's socket counts.
    @Test("A contribution of two million parameters takes at most 0.0185 bytes per parameter on a link")
    func contributionOnTheWire() throws {
        let layout = try ParameterLayout([("w", [1024, 1024]), ("v", [1024, 1024])])
        var random = SeededRandom(simulationSeed: 6)
        // A normal times a log-normal: tails as those of pseudo-gradients.
        let delta = (0..<layout.parameterCount).map { _ -> Float in
            let radius = (-2 * log(Double.random(in: 1e-9...1, using: &random))).squareRoot()
            let angle = Double.random(in: 0..<2 * Double.pi, using: &random)
            return Float(1e-3 * radius * cos(angle) * exp(0.7 * radius * sin(angle)))
        }
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let payload = try ContributionEncoder.encode(
            layout: layout, profile: .standard, errorFeedback: .standard, delta: delta, residual: &residual
        ).payload
        let pieceBytes = Int(Rules().pieceBytes)
        let pieces = stride(from: 0, to: payload.count, by: pieceBytes).map {
            Array(payload[$0..<min($0 + pieceBytes, payload.count)])
        }
        let tree = MerkleTree(leaves: pieces.map { MerkleTree.leaf($0) })
        let sites = try makeSites(2)
        let (sender, receiver) = (sites[0], sites[1])
        try link(sender, receiver)
        let link = try #require(sender.links[receiver.member])
        let back = try #require(receiver.links[sender.member])
        let before = sender.transport.totalBytes.sent
        var frameBytes = 0
        for (index, piece) in pieces.enumerated() {
            let frame = try #require(PieceFrame.compress(piece))
            #expect(PieceFrame.decompress(frame, byteCount: piece.count) == piece)
            frameBytes += frame.count
            let name = PieceName(contribution: ContributionDigest(Digest(DigestDomain("test"), [9])), index: index)
            #expect(sender.transport.reservePiece(piece.count, for: link))
            sender.transport.sendPiece(name, (frame, tree.proof(of: index)), reserved: piece.count, to: link)
        }
        try loop.wait(for: "the pieces") { receiver.pieceBytes[back] == frameBytes }
        let sent = sender.transport.totalBytes.sent - before
        #expect(sent > UInt64(frameBytes))
        #expect(Double(sent) <= 0.0185 * Double(layout.parameterCount))
        #expect(Double(payload.count) <= 0.0206 * Double(layout.parameterCount))
    }

    @Test("A link that ends because of what came over it is down for everybody, and is dialled again")
    func fallsAndComesBack() throws {
        let sites = try makeSites(2)
        let (site, other) = (sites[0], sites[1])
        var random = SeededRandom.system()
        let start = Link.Instant(milliseconds: 0)
        let session = LinkSession(
            role: .initiator, identity: other.identity, admit: { other.admitted[$0] }, random: &random, now: start)
        var connected: TCPConnection?
        try TCPConnection.connect(
            loop: loop, to: SocketAddress(parsing: site.address), timeoutMilliseconds: 5_000
        ) { if case .success(let stream) = $0 { connected = stream } }
        try loop.wait(for: "the connection") { connected != nil }
        let stream = try #require(connected)
        func pump() {
            while let frame = try? session.nextFrame(now: start) { stream.write(frame) }
        }
        stream.onBytes = { bytes in
            var outputs: [LinkOutput] = []
            try? session.receive(Array(bytes), now: start, into: &outputs)
            pump()
        }
        stream.startReading()
        pump()
        try loop.wait(for: "the link") { site.links[other.member] != nil }
        stream.write([0, 17] + [UInt8](repeating: 0, count: 17))
        try loop.wait(for: "its end") { site.links.isEmpty && !site.transport.view(of: other.member).isLinked }
        try link(site, other)
    }

    @Test("A site whose keys were rotated while it was away gets through with the next ones")
    func dialsWithNextKeys() throws {
        let sites = try makeSites(2)
        let (site, away) = (sites[0], sites[1])
        let next = identity(away.member)
        site.admitted = [:]
        site.admit(next)
        away.transport.nextIdentity = next
        try link(away, site)
        // From now on they are its keys: the next dial begins with them too.
        away.transport.use(next)
        away.transport.close(try #require(away.links[site.member]))
        try loop.wait(for: "the link again") { away.upCount == 2 && away.links.count == 1 }
    }
}
