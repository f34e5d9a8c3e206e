import Crypto
import Ledger
import Link
import TestKit
import Testing

/// A node that is being dialled takes any bytes at all: it refuses with a typed error or waits for more, holds little,
/// and never takes them for a member.
func linkResponderFuzzEntry(_ bytes: [UInt8]) {
    let responder = LinkFixtures.session(.responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2)
    let outputs = feed(bytes, to: responder)
    precondition(outputs.isEmpty && responder.member == nil)
    precondition(responder.bufferedBytes <= 2 + LinkLimits.handshakeFrameBytesMaximum)
}

/// A node that dials takes any bytes for the answer.
func linkInitiatorFuzzEntry(_ bytes: [UInt8]) {
    let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(LinkFixtures.sites[0]), seed: 1)
    precondition((try? initiator.nextFrame(now: Instant(milliseconds: 0))) != nil)
    let outputs = feed(bytes, to: initiator)
    precondition(outputs.isEmpty && !initiator.isEstablished)
    precondition(initiator.bufferedBytes <= 2 + LinkLimits.frameBytesMaximum)
}

/// The other end of an established link, which knows the keys, says anything at all: two bytes of length before each
/// frame's plaintext. Whatever comes out keeps its limits, and so does what is held back.
func linkPlaintextFuzzEntry(_ bytes: [UInt8]) {
    guard let pair = try? LinkPair.established(), let transport = pair.responder.transport else {
        preconditionFailure("two members establish a link")
    }
    var rest = bytes[...]
    var outputs: [LinkOutput] = []
    while rest.count >= 2 {
        let byteCount = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        let plaintext = rest.dropFirst(2).prefix(byteCount)
        rest = rest.dropFirst(2 + plaintext.count)
        do {
            try transport.receive(plaintext: Array(plaintext), now: Instant(milliseconds: 0), into: &outputs)
        } catch {
            break
        }
        precondition(
            pair.responder.bufferedBytes <= LinkLimits.messageBytesMaximum + LinkLimits.pieceBytesMaximum)
    }
    for output in outputs {
        switch output {
        case .established: preconditionFailure("a link is established once")
        case .control(let message): precondition((1...LinkLimits.messageBytesMaximum).contains(message.count))
        case .piece(let name, let proof, let piece):
            precondition((1...LinkLimits.pieceBytesMaximum).contains(piece.count))
            precondition(proof.count <= LinkLimits.proofDigestsMaximum && UInt32(exactly: name.index) != nil)
        }
    }
}

/// Feeds bytes in chunks, answering in between as a shell does. A session that failed must stay failed.
private func feed(_ bytes: [UInt8], to session: LinkSession) -> [LinkOutput] {
    let now = Instant(milliseconds: 0)
    var outputs: [LinkOutput] = []
    var rest = bytes[...]
    do {
        while !rest.isEmpty {
            let chunk = rest.prefix(50)
            rest = rest.dropFirst(chunk.count)
            try session.receive(Array(chunk), now: now, into: &outputs)
            while try session.nextFrame(now: now) != nil {}
        }
    } catch {
        precondition(session.stage == .failed(error) && session.bufferedBytes == 0)
        var more: [LinkOutput] = []
        precondition((try? session.receive(bytes, now: now, into: &more)) == nil && more.isEmpty)
        precondition((try? session.nextFrame(now: now)) == nil)
    }
    return outputs
}

@Suite struct LinkMutationTests {
    private let start = Instant(milliseconds: 0)

    /// The initiator's two handshake messages and some frames, and the responder's message 2, as they go over the wire.
    private func conversation() throws -> (toResponder: [[UInt8]], toInitiator: [[UInt8]]) {
        let pair = LinkPair(
            initiator: LinkFixtures.session(.initiator, LinkFixtures.identity(LinkFixtures.sites[0]), seed: 1),
            responder: LinkFixtures.session(.responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2))
        let first = try #require(try pair.initiator.nextFrame(now: start))
        _ = try pair.responder.receive(first)
        let second = try #require(try pair.responder.nextFrame(now: start))
        _ = try pair.initiator.receive(second)
        let third = try #require(try pair.initiator.nextFrame(now: start))
        _ = try pair.responder.receive(third)
        let ping = try #require(try pair.responder.nextFrame(now: start))
        return ([first, third], [second, ping])
    }

    @Test func theSeedConversationIsOneThatEstablishesALink() throws {
        let (toResponder, toInitiator) = try conversation()
        let responder = LinkFixtures.session(.responder, LinkFixtures.identity(LinkFixtures.sites[1]), seed: 2)
        _ = try responder.receive(toResponder[0])
        _ = try responder.nextFrame(now: start)
        #expect(try responder.receive(toResponder[1]) == [.established(LinkFixtures.sites[0].member.id)])
        let initiator = LinkFixtures.session(.initiator, LinkFixtures.identity(LinkFixtures.sites[0]), seed: 1)
        _ = try initiator.nextFrame(now: start)
        _ = try initiator.receive(toInitiator[0])
        _ = try initiator.nextFrame(now: start)
        #expect(try initiator.receive(toInitiator[1]) == [.established(LinkFixtures.sites[1].member.id)])
    }

    @Test func changedHandshakesNeverMakeAMember() throws {
        let (toResponder, toInitiator) = try conversation()
        var mutation = Mutation(seed: 11)
        for _ in 0..<600 {
            let whole = mutation.mutated(toResponder[0] + toResponder[1])
            if !whole.starts(with: toResponder[0] + toResponder[1]) { linkResponderFuzzEntry(whole) }
            // The last message alone, after a sound first one.
            let last = mutation.mutated(toResponder[1])
            if !last.starts(with: toResponder[1]) { linkResponderFuzzEntry(toResponder[0] + last) }
            let answer = mutation.mutated(toInitiator[0])
            if !answer.starts(with: toInitiator[0]) { linkInitiatorFuzzEntry(answer + toInitiator[1]) }
            // Message 2 as it is, and then a changed first frame.
            let frame = mutation.mutated(toInitiator[1])
            if !frame.starts(with: toInitiator[1]) { linkInitiatorFuzzEntry(toInitiator[0] + frame) }
        }
    }

    @Test func noiseOfAnyLengthIsNoHandshake() {
        for seed in 0..<200 as Range<UInt64> {
            linkResponderFuzzEntry(LinkFixtures.bytes(Int(seed) * 5, seed: seed))
            linkInitiatorFuzzEntry(LinkFixtures.bytes(Int(seed) * 5, seed: seed))
        }
    }

    @Test func changedCiphertextNeverGivesAnything() throws {
        var mutation = Mutation(seed: 12)
        for seed in 0..<100 as Range<UInt64> {
            let pair = try LinkPair.established(seed: seed)
            pair.initiator.enqueueControl(LinkFixtures.bytes(Int(seed) + 1, seed: seed))
            let frame = try #require(try pair.initiator.nextFrame(now: start))
            let changed = mutation.mutated(frame)
            guard !changed.starts(with: frame) else { continue }
            var outputs: [LinkOutput] = []
            try? pair.responder.receive(changed, now: start, into: &outputs)
            #expect(outputs.isEmpty)
        }
    }

    @Test func changedPlaintextsKeepEveryLimit() {
        let control = [1, 0, 0, 1, 44] + LinkFixtures.bytes(100, seed: 1)
        let more = [2] + LinkFixtures.bytes(200, seed: 2)
        let piece =
            [3] + LinkFixtures.bytes(32, seed: 3) + [0, 0, 0, 9, 2, 0, 0, 1, 0] + LinkFixtures.bytes(64 + 156, seed: 4)
        let rest = [4] + LinkFixtures.bytes(100, seed: 5)
        let ping = [5] + LinkFixtures.bytes(8, seed: 6)
        let frames: [[UInt8]] = [control, piece, ping, more, [7], rest]
        var mutation = Mutation(seed: 13)
        for round in 0..<1500 {
            let target = round % frames.count
            let changed = frames.enumerated().map { $0.offset == target ? mutation.mutated($0.element) : $0.element }
            let bytes = changed.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xff)] + $0 }
            linkPlaintextFuzzEntry(round.isMultiple(of: 5) ? mutation.mutated(bytes) : bytes)
        }
    }
}
