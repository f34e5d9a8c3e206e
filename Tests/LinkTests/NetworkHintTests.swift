import Crypto
import Ledger
import Link
import Testing

@Suite struct NetworkHintTests {
    private let other = NetworkID(Digest(DigestDomain("test/network"), [2]))

    /// A responder that has answered with message 2.
    private func answered() throws -> LinkSession {
        let start = Instant(milliseconds: 0)
        let initiator = LinkFixtures.session(
            .initiator, LinkFixtures.identity(LinkFixtures.sites[0], network: other), seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2)
        let first = try #require(try initiator.nextFrame(now: start))
        _ = try responder.receive(first)
        _ = try responder.nextFrame(now: start)
        return responder
    }

    @Test func aHintInPlaceOfMessageThreeNamesBothNetworks() throws {
        let responder = try answered()
        let ours = LinkFixtures.identity(LinkFixtures.sites[1]).network
        #expect(throws: LinkError.otherNetwork(theirs: other, ours: ours)) {
            _ = try responder.receive(NetworkHint(network: other).frame)
        }
        #expect(!responder.isEstablished)
    }

    @Test func aHintBeforeMessageTwoIsNoHandshake() {
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2)
        do {
            _ = try responder.receive(NetworkHint(network: other).frame)
            _ = try responder.nextFrame(now: Instant(milliseconds: 0))
            #expect(!responder.isEstablished)
        } catch {
            if case .otherNetwork = error { Issue.record("taken for a hint: \(error)") }
        }
    }

    @Test func whatIsNotExactlyAHintIsNone() {
        let frame = NetworkHint(network: other, wireVersion: 7).frame
        #expect(NetworkHint.read(frame).hint == NetworkHint(network: other, wireVersion: 7))
        for count in 0..<frame.count {
            let part = NetworkHint.read(Array(frame[..<count]))
            #expect(part.isOpen && part.hint == nil)
        }
        for index in 0..<20 {
            var altered = frame
            altered[index] ^= 1
            #expect(NetworkHint.read(altered).hint == nil, "\(index)")
        }
        #expect(NetworkHint(body: frame) == nil)
    }
}
