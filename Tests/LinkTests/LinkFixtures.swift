import Crypto
import Ledger
import Link
import TestKit
import Testing

/// Four sites with keys from a seed, and a stranger.
struct LinkFixtures {
    static let network = NetworkID.test
    static let sites = (0..<4).map { SiteKeys(number: $0) }
    static let stranger = SiteKeys(number: 100)
    static let members = memberSet(sites)

    static func memberSet(_ sites: [SiteKeys]) -> MemberSet {
        guard let members = try? MemberSet(members: sites.map(\.member)) else {
            preconditionFailure("the sites of the tests are a member set")
        }
        return members
    }

    static func identity(_ site: SiteKeys, network: NetworkID = LinkFixtures.network) -> LinkIdentity {
        LinkIdentity(network: network, member: site.member.id, nodeKey: site.nodeKey, linkKey: site.linkKey)
    }

    static func session(
        _ role: NoiseHandshake.Role, _ identity: LinkIdentity, expected: MemberID? = nil,
        members: MemberSet = LinkFixtures.members, seed: UInt64, rekeyFrames: UInt64 = LinkLimits.rekeyFrames
    ) -> LinkSession {
        var random = SeededRandom(simulationSeed: seed)
        return LinkSession(
            role: role, identity: identity, expected: expected, admit: { members.linkPeer(linkKey: $0) },
            random: &random, now: Instant(milliseconds: 0), rekeyFrames: rekeyFrames)
    }

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(simulationSeed: seed)
        return random.secret(count: count).withUnsafeBytes { Array($0) }
    }

    static func pieceName(_ index: Int) -> PieceName {
        PieceName(contribution: ContributionDigest(Digest(DigestDomain("test/piece"), [7])), index: index)
    }

    static func proof(_ count: Int) -> [Digest] {
        (0..<count).map { Digest(DigestDomain("test/proof"), [UInt8($0)]) }
    }
}

/// Two sessions and the wire between them, which cuts the bytes at random places.
final class LinkPair {
    let initiator: LinkSession
    let responder: LinkSession
    var now = Instant(milliseconds: 0)
    private(set) var initiatorOutputs: [LinkOutput] = []
    private(set) var responderOutputs: [LinkOutput] = []
    private var random: SeededRandom

    init(initiator: LinkSession, responder: LinkSession, seed: UInt64 = 1) {
        self.initiator = initiator
        self.responder = responder
        random = SeededRandom(simulationSeed: seed)
    }

    /// Sites 0 and 1.
    convenience init(seed: UInt64 = 1, rekeyFrames: UInt64 = LinkLimits.rekeyFrames) {
        self.init(
            initiator: LinkFixtures.session(
                .initiator, LinkFixtures.identity(LinkFixtures.sites[0]),
                expected: LinkFixtures.sites[1].member.id, seed: seed, rekeyFrames: rekeyFrames),
            responder: LinkFixtures.session(
                .responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: seed + 1000, rekeyFrames: rekeyFrames),
            seed: seed)
    }

    static func established(seed: UInt64 = 1, rekeyFrames: UInt64 = LinkLimits.rekeyFrames) throws -> LinkPair {
        let pair = LinkPair(seed: seed, rekeyFrames: rekeyFrames)
        try pair.run()
        _ = pair.takeOutputs()
        return pair
    }

    /// What has come out at both ends since the last call.
    func takeOutputs() -> (initiator: [LinkOutput], responder: [LinkOutput]) {
        defer {
            initiatorOutputs = []
            responderOutputs = []
        }
        return (initiatorOutputs, responderOutputs)
    }

    /// Moves bytes until neither end has anything to send.
    func run() throws(LinkError) {
        var isMoving = true
        while isMoving {
            isMoving = false
            while let frame = try initiator.nextFrame(now: now) {
                isMoving = true
                try deliver(frame, to: responder, &responderOutputs)
            }
            while let frame = try responder.nextFrame(now: now) {
                isMoving = true
                try deliver(frame, to: initiator, &initiatorOutputs)
            }
        }
    }

    private func deliver(
        _ frame: [UInt8], to session: LinkSession, _ outputs: inout [LinkOutput]
    ) throws(LinkError) {
        var rest = frame[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(Int.random(in: 1...rest.count, using: &random))
            try session.receive(Array(chunk), now: now, into: &outputs)
            rest = rest.dropFirst(chunk.count)
        }
    }
}

extension LinkSession {
    func receive(_ bytes: [UInt8], now: Instant = Instant(milliseconds: 0)) throws(LinkError) -> [LinkOutput] {
        var outputs: [LinkOutput] = []
        try receive(bytes, now: now, into: &outputs)
        return outputs
    }

    /// All frames that are ready.
    func frames(now: Instant = Instant(milliseconds: 0)) throws(LinkError) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let frame = try nextFrame(now: now) { frames.append(frame) }
        return frames
    }
}
