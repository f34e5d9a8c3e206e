import Crypto
import Ledger
import Link
import Testing

@Suite struct LinkHandshakeTests {
    private let start = Instant(milliseconds: 0)
    private let alice = LinkFixtures.sites[0]
    private let bob = LinkFixtures.sites[1]

    /// What a handshake of these two comes to, whichever end refuses.
    private func error(_ initiator: LinkSession, _ responder: LinkSession) -> LinkError? {
        do {
            try LinkPair(initiator: initiator, responder: responder).run()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func membersEstablishALinkHoweverTheBytesAreCut(seed: UInt64) throws {
        let pair = LinkPair(seed: seed)
        try pair.run()
        #expect(pair.initiatorOutputs == [.established(bob.member.id)])
        #expect(pair.responderOutputs == [.established(alice.member.id)])
        #expect(pair.initiator.isEstablished && pair.responder.isEstablished)
        #expect(pair.initiator.member == bob.member.id && pair.responder.member == alice.member.id)
    }

    @Test func handshakeFramesKeepTheirLimit() throws {
        let pair = LinkPair()
        let first = try #require(try pair.initiator.nextFrame(now: start))
        _ = try pair.responder.receive(first)
        let second = try #require(try pair.responder.nextFrame(now: start))
        _ = try pair.initiator.receive(second)
        let third = try #require(try pair.initiator.nextFrame(now: start))
        for frame in [first, second, third] {
            #expect(frame.count <= 2 + LinkLimits.handshakeFrameBytesMaximum)
            #expect(frame.count - 2 == Int(frame[0]) << 8 | Int(frame[1]))
        }
    }

    @Test func aResponderThatNobodyKnowsLearnsNotWhoDialled() throws {
        let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(alice), seed: 1)
        let everyone = LinkFixtures.memberSet(LinkFixtures.sites + [LinkFixtures.stranger])
        let responder = LinkFixtures.session(
            .responder, LinkFixtures.identity(LinkFixtures.stranger), members: everyone, seed: 2)
        #expect(error(initiator, responder) == .stranger(LinkFixtures.stranger.linkKey.publicKey))
        #expect(responder.stage == .handshake)
        #expect(throws: LinkError.stranger(LinkFixtures.stranger.linkKey.publicKey)) {
            try initiator.nextFrame(now: start)
        }
    }

    @Test func anInitiatorThatNobodyKnowsIsRefusedAndNeverEstablished() throws {
        let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(LinkFixtures.stranger), seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(error(initiator, responder) == .stranger(LinkFixtures.stranger.linkKey.publicKey))
        #expect(initiator.stage == .awaitingAcceptance)
        #expect(responder.transport == nil && responder.bufferedBytes == 0)
    }

    @Test func anotherNetworkIsToldApart() {
        let other = NetworkID(Digest(DigestDomain("test/network"), [2]))
        let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(alice, network: other), seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(error(initiator, responder) == .otherNetworkOrWireVersion)
    }

    @Test func anotherMemberThanTheDialledOneIsRefused() {
        let carol = LinkFixtures.sites[2].member.id
        let initiator = LinkFixtures.session(
            .initiator, LinkFixtures.identity(alice), expected: carol, seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(error(initiator, responder) == .unexpectedMember(expected: carol, found: bob.member.id))
    }

    @Test func anAddressThatLeadsBackToTheNodeIsNoticed() {
        let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(alice), seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(alice), seed: 2)
        #expect(error(initiator, responder) == .connectedToItself)
    }

    @Test(arguments: [true, false])
    func aGreetingSignedByAnotherNodeKeyIsRefused(impostorDials: Bool) {
        let stolen = LinkIdentity(
            network: LinkFixtures.network, member: alice.member.id, nodeKey: LinkFixtures.stranger.nodeKey,
            linkKey: alice.linkKey)
        let roles: [NoiseHandshake.Role] = impostorDials ? [.initiator, .responder] : [.responder, .initiator]
        let impostor = LinkFixtures.session(roles[0], stolen, seed: 1)
        let honest = LinkFixtures.session(roles[1], LinkFixtures.identity(bob), seed: 2)
        let found = impostorDials ? error(impostor, honest) : error(honest, impostor)
        #expect(found == .invalidGreetingSignature(alice.member.id))
        #expect(honest.stage == .failed(.invalidGreetingSignature(alice.member.id)))
    }

    @Test func aMemberCannotGreetAsAnother() {
        let carol = LinkFixtures.sites[2]
        let posing = LinkIdentity(
            network: LinkFixtures.network, member: carol.member.id, nodeKey: alice.nodeKey, linkKey: alice.linkKey)
        let initiator = LinkFixtures.session(.initiator, posing, seed: 1)
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(
            error(initiator, responder)
                == .greetingOfOtherMember(linkKey: alice.member.id, greeting: carol.member.id))
    }

    @Test func aGreetingIsNoGoodInAnotherHandshake() throws {
        // The captured message 3 of one handshake, sent in another with the same responder.
        let first = LinkPair(seed: 1)
        _ = try first.responder.receive(try #require(try first.initiator.nextFrame(now: start)))
        _ = try first.initiator.receive(try #require(try first.responder.nextFrame(now: start)))
        let captured = try #require(try first.initiator.nextFrame(now: start))
        let again = LinkPair(
            initiator: LinkFixtures.session(.initiator, LinkFixtures.identity(alice), seed: 1),
            responder: LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 77))
        _ = try again.responder.receive(try #require(try again.initiator.nextFrame(now: start)))
        _ = try again.responder.nextFrame(now: start)
        #expect(throws: LinkError.handshakeRefused(message: 3, .authenticationFailed)) {
            try again.responder.receive(captured)
        }
    }

    @Test func aLowOrderEphemeralKeyIsRefused() throws {
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        _ = try responder.receive([0, 32] + [UInt8](repeating: 0, count: 32))
        #expect(throws: LinkError.handshakeRefused(message: 2, .lowOrderPublicKey)) {
            try responder.nextFrame(now: start)
        }
    }

    @Test func aPayloadInTheFirstMessageIsRefused() throws {
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(throws: LinkError.unexpectedPayload(byteCount: 3)) {
            try responder.receive([0, 35] + LinkFixtures.bytes(35, seed: 3))
        }
    }

    @Test(arguments: [0, 513, 0x4745, 65_535])
    func anImpossibleHandshakeLengthIsRefusedFromItsPrefixAlone(byteCount: Int) throws {
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(bob), seed: 2)
        #expect(
            throws: LinkError.frameLength(
                byteCount: byteCount, byteCountMin: 1, byteCountMax: LinkLimits.handshakeFrameBytesMaximum)
        ) {
            try responder.receive([UInt8(byteCount >> 8), UInt8(byteCount & 0xff)])
        }
        #expect(responder.bufferedBytes == 0)
    }

    @Test(arguments: 1...3)
    func aTruncatedHandshakeMessageIsRefused(message: Int) throws {
        let pair = LinkPair()
        var (sender, receiver) = (pair.initiator, pair.responder)
        for _ in 1..<message {
            _ = try receiver.receive(try #require(try sender.nextFrame(now: start)))
            swap(&sender, &receiver)
        }
        let frame = try #require(try sender.nextFrame(now: start))
        let cut = Array(frame.dropFirst(2).dropLast())
        #expect(throws: LinkError.self) { try receiver.receive([0, UInt8(cut.count)] + cut) }
        guard case .failed = receiver.stage else {
            Issue.record("the session goes on as \(receiver.stage)")
            return
        }
    }

    @Test func bytesOutOfTurnAreRefused() throws {
        let pair = LinkPair()
        #expect(throws: LinkError.handshakeRefused(message: 1, .notOurTurn(message: 1))) {
            try pair.initiator.receive([0, 32] + LinkFixtures.bytes(32, seed: 3))
        }
    }

    @Test func aHandshakeThatDoesNotEndIsGivenUp() throws {
        let pair = LinkPair()
        _ = try pair.responder.receive(try #require(try pair.initiator.nextFrame(now: start)))
        let limit = LinkLimits.handshakeMilliseconds
        try pair.responder.tick(now: Instant(milliseconds: limit - 1))
        #expect(throws: LinkError.handshakeTimedOut(milliseconds: limit)) {
            try pair.responder.tick(now: Instant(milliseconds: limit))
        }
        #expect(throws: LinkError.handshakeTimedOut(milliseconds: limit)) { try pair.responder.receive([0]) }
    }

    @Test func anInitiatorThatIsNeverAcceptedGivesUp() throws {
        let pair = LinkPair()
        _ = try pair.responder.receive(try #require(try pair.initiator.nextFrame(now: start)))
        _ = try pair.initiator.receive(try #require(try pair.responder.nextFrame(now: start)))
        _ = try pair.initiator.nextFrame(now: start)
        #expect(pair.initiator.stage == .awaitingAcceptance)
        #expect(throws: LinkError.handshakeTimedOut(milliseconds: 5_000)) {
            try pair.initiator.tick(now: Instant(milliseconds: 5_000))
        }
    }

    @Test func theGreetingHasOneEncoding() throws {
        let hash = LinkFixtures.bytes(64, seed: 4)
        let greeting = LinkGreeting(
            member: alice.member.id, nodeKey: alice.nodeKey, handshakeHash: hash, network: LinkFixtures.network)
        #expect(try LinkGreeting(encoded: greeting.encoded) == greeting)
        #expect(
            greeting.isSigned(by: alice.member.nodeKey, handshakeHash: hash, network: LinkFixtures.network))
        #expect(
            !greeting.isSigned(
                by: alice.member.nodeKey, handshakeHash: hash.reversed(), network: LinkFixtures.network))
        #expect(throws: RecordError.trailingBytes(count: 1)) { try LinkGreeting(encoded: greeting.encoded + [0]) }
        let transcript = LinkTranscript(handshakeHash: hash)
        #expect(try LinkTranscript(encoded: transcript.encoded) == transcript)
    }

    @Test func theProloguePinsItsBytes() {
        let bytes = LinkPrologue.bytes(network: LinkFixtures.network)
        #expect(bytes == Array("mesh/link".utf8) + LinkFixtures.network.digest.bytes + [0, 1])
    }
}
