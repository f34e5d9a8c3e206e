import Crypto
import Ledger
import TestKit
import Testing

@testable import Gossip

/// Any bytes at all are a message or a typed error; and a message has one encoding.
func messageFuzzEntry(_ bytes: [UInt8]) {
    guard let message = try? Message(encoded: bytes) else { return }
    precondition(message.encoded == bytes)
}

private let digest = [UInt8](repeating: 7, count: 32)

private func headerPart(offset: UInt64, byteCount: UInt64, bytes: Int) -> CBOR {
    .array([
        .unsigned(3), .unsigned(offset), .unsigned(byteCount), .boolean(true),
        .bytes([UInt8](repeating: 1, count: bytes)),
    ])
}

@Suite struct MessageTests {
    @Test func everyMessageComesBackFromItsEncoding() throws {
        for message in MessageSamples().all {
            let encoded = message.encoded
            let decoded = try Message(encoded: encoded)
            #expect(decoded == message)
            #expect(decoded.encoded == encoded)
        }
    }

    @Test func theSamplesHoldEveryKind() {
        let kinds = MessageSamples().all.compactMap { message -> UInt8? in
            // An array of two, then the number of the kind: one byte, or from 24 on two.
            let encoded = message.encoded
            guard encoded[0] == 0x82 else { return nil }
            return encoded[1] == 0x18 ? encoded[2] : encoded[1]
        }
        #expect(Set(kinds) == Set(1...15).union(17...23).union(25...28))
    }

    @Test(arguments: [4, 64, Wire.fullMembersMaximum, Limits.members])
    func everyMessageFitsAControlMessage(memberCount: Int) throws {
        for message in MessageSamples(memberCount: memberCount).largest {
            let encoded = message.encoded
            #expect(encoded.count <= Wire.messageBytesMaximum)
            #expect(try Message(encoded: encoded) == message)
        }
    }

    @Test func aMessageBeyondItsLimitIsRefusedUnread() {
        let count = Wire.messageBytesMaximum + 1
        #expect(throws: RecordError.tooLong(key: "message", count: count, limit: Wire.messageBytesMaximum)) {
            try Message(encoded: [UInt8](repeating: 0xff, count: count))
        }
    }

    @Test func everyCutMessageIsRefused() {
        for message in MessageSamples().all {
            let encoded = message.encoded
            for count in 0..<encoded.count {
                #expect(throws: RecordError.self) { try Message(encoded: Array(encoded.prefix(count))) }
            }
            #expect(throws: RecordError.trailingBytes(count: 1)) { try Message(encoded: encoded + [0]) }
        }
    }

    @Test(
        arguments: [
            (CBOR.array([]), .wrongType(key: "message")),
            (.unsigned(1), .wrongType(key: "message")),
            (.array([.unsigned(1), .null, .null]), .wrongType(key: "message")),
            (.array([.text("summary"), .null]), .wrongType(key: "message")),
            (.array([.unsigned(0), .null]), .outOfRange(key: "message")),
            (.array([.unsigned(12_345), .null]), .outOfRange(key: "message")),
            (.array([.unsigned(13), .null]), .wrongType(key: "evidence")),
            (.array([.unsigned(13), .array([.unsigned(3), .null])]), .wrongType(key: "names")),
            (.array([.unsigned(.max), .null]), .outOfRange(key: "message")),
            (.array([.unsigned(1), .null]), .wrongType(key: "summary")),
            (.array([.unsigned(3), .array([])]), .wrongType(key: "digest")),
            (.array([.unsigned(11), .null]), .outOfRange(key: "fetch")),
            (.array([.unsigned(11), .array([.array([.unsigned(9), .unsigned(1)])])]), .wrongType(key: "fetch")),
            (.array([.unsigned(11), .array([.array([.unsigned(5), .unsigned(0)])])]), .outOfRange(key: "view")),
            (.array([.unsigned(21), .null]), .wrongType(key: "readiness")),
            (
                .array([.unsigned(11), .array([.array([.unsigned(7), .unsigned(Limits.heightMaximum + 1)])])]),
                .outOfRange(key: "height")
            ),
            (.array([.unsigned(17), .unsigned(Limits.heightMaximum + 1)]), .outOfRange(key: "height")),
            (
                .array([.unsigned(18), headerPart(offset: 10, byteCount: 10, bytes: 1)]),
                .outOfRange(key: "header_part")
            ),
            (.array([.unsigned(18), headerPart(offset: 9, byteCount: 10, bytes: 2)]), .outOfRange(key: "header_part")),
            (.array([.unsigned(18), headerPart(offset: 0, byteCount: 10, bytes: 0)]), .outOfRange(key: "header_part")),
            (
                .array([
                    .unsigned(18), headerPart(offset: 0, byteCount: UInt64(Wire.versionBytesMaximum) + 1, bytes: 1),
                ]),
                .outOfRange(key: "header_part")
            ),
            (
                .array([.unsigned(18), headerPart(offset: .max, byteCount: 10, bytes: 1)]),
                .outOfRange(key: "header_part")
            ),
            (.array([.unsigned(19), .array([.bytes(digest), .array([])])]), .outOfRange(key: "blocks")),
            (
                .array([.unsigned(19), .array([.bytes(digest), .array([.unsigned(1 << 31)])])]),
                .outOfRange(key: "blocks")
            ),
            (.array([.unsigned(19), .array([.bytes(digest), .boolean(true)])]), .wrongType(key: "blocks")),
        ] as [(CBOR, RecordError)])
    func whatIsNoMessageIsNamed(body: CBOR, expected: RecordError) {
        #expect(throws: expected) { try Message(encoded: body.encoded) }
    }

    private func have(count: UInt64, bytes: [UInt8]) -> [UInt8] {
        let name = CBOR.bytes(MessageSamples().digest(1).bytes)
        return CBOR.array([.unsigned(3), .array([name, .unsigned(count), .bytes(bytes)])]).encoded
    }

    @Test func aBitmapThatDoesNotFitItsCountIsRefused() throws {
        #expect(throws: Never.self) { try Message(encoded: have(count: 9, bytes: [0xff, 1])) }
        for (count, bytes) in [(9, [0xff]), (9, [0xff, 2]), (8, [0xff, 0]), (.max, [0xff])] as [(UInt64, [UInt8])] {
            #expect(throws: RecordError.outOfRange(key: "pieces")) {
                try Message(encoded: have(count: count, bytes: bytes))
            }
        }
        let beyond = Wire.piecesMaximum + 8
        #expect(throws: RecordError.outOfRange(key: "pieces")) {
            try Message(encoded: have(count: UInt64(beyond), bytes: [UInt8](repeating: 0, count: beyond / 8)))
        }
    }

    @Test func moreThanMayBeAskedForAtOnceIsRefused() {
        let name = MessageSamples().contribution.contributionDigest
        let pieces = Message.want(name, pieces: Array(0...Wire.wantedPiecesMaximum))
        #expect(throws: RecordError.outOfRange(key: "pieces")) { try Message(encoded: pieces.encoded) }
        let distant = Message.want(name, pieces: [Wire.piecesMaximum])
        #expect(throws: RecordError.outOfRange(key: "pieces")) { try Message(encoded: distant.encoded) }
        let items = Message.fetch((0...Wire.fetchItemsMaximum).map { .version(Height(UInt64($0))) })
        #expect(throws: RecordError.outOfRange(key: "fetch")) { try Message(encoded: items.encoded) }
    }

    @Test func aSummaryBeyondItsBoundsIsRefused() {
        let samples = MessageSamples()
        for summary in [
            samples.summary(views: InventorySummary.viewsMaximum + 1, candidates: 0),
            samples.summary(views: 0, candidates: InventorySummary.candidatesMaximum + 1),
            samples.summary(views: 0, candidates: 0, actions: InventorySummary.effectsMaximum + 1),
        ] {
            #expect(throws: RecordError.outOfRange(key: "summary")) {
                try Message(encoded: Message.summary(summary).encoded)
            }
        }
    }

    @Test func aCertifiedVersionGivesItselfFirstAndThenWhatItEmbeds() throws {
        let samples = MessageSamples()
        let site = SiteKeys(number: 0)
        let ready = Signed(samples.ready, signer: site.member.id, key: site.nodeKey, network: NetworkID.test)
        let closed = Signed(samples.closed, signer: site.member.id, key: site.nodeKey, network: NetworkID.test)
        let contribution = Signed(
            samples.contribution, signer: site.member.id, key: site.nodeKey, network: NetworkID.test)
        let version = CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: samples.payload, ready: [ready], closings: [Closing(statements: [closed])],
                availability: [samples.availability]),
            certificate: samples.votes(.finalize), contributions: [contribution])
        var messages: [Message] = []
        for bytes in Wire.messages(of: version) { messages.append(try Message(encoded: bytes)) }
        #expect(
            messages == [
                .certified(samples.payload, samples.votes(.finalize)),
                .closing(ClosingNames(statements: [closed.objectDigest])), .closed(closed), .contribution(contribution),
                .availability(samples.availability), .ready(ready),
            ])
    }

    @Test func changedMessagesAreRefusedOrHaveOneEncoding() {
        var mutation = Mutation(seed: 21)
        for message in MessageSamples(memberCount: 3).all {
            let encoded = message.encoded
            messageFuzzEntry(encoded)
            for _ in 0..<300 { messageFuzzEntry(mutation.mutated(encoded)) }
        }
    }

    @Test func changedItemsInsideOfSoundStructureAreRefusedOrHaveOneEncoding() throws {
        // Plain changes of bytes mostly break the structure; these keep it and change what stands in it.
        var mutation = StructureMutation(seed: 22)
        var accepted = 0
        var refused = 0
        for message in MessageSamples(memberCount: 3).all {
            let cbor = try CBOR(encoded: message.encoded)
            for _ in 0..<200 {
                let changed = mutation.mutated(cbor).encoded
                messageFuzzEntry(changed)
                if (try? Message(encoded: changed)) == nil { refused += 1 } else { accepted += 1 }
            }
        }
        #expect(accepted > 100 && refused > 100, "both sides of the decoder are met")
    }
}

@Suite struct BitmapTests {
    @Test(arguments: [0, 1, 7, 8, 9, 64, 65])
    func aBitmapKeepsWhatWasSet(count: Int) throws {
        var bitmap = Bitmap(count: count)
        for index in stride(from: 0, to: count, by: 3) {
            bitmap.insert(index)
            bitmap.insert(index)
        }
        #expect(bitmap.setCount == (count + 2) / 3)
        for index in 0..<count { #expect(bitmap[index] == index.isMultiple(of: 3)) }
        #expect(!bitmap[-1] && !bitmap[count])
        #expect(try #require(Bitmap(bytes: bitmap.bytes, count: count)) == bitmap)
        #expect(Bitmap(full: count).isFull)
        #expect(Bitmap((0..<count).map { $0.isMultiple(of: 3) }) == bitmap)
    }
}
