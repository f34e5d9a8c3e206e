import Crypto
import Ledger
import Link
import Testing

/// What a member that holds the keys may do wrong. The plaintexts are written out by hand: these tests pin the bytes.
@Suite struct LinkViolationTests {
    private let start = Instant(milliseconds: 0)

    /// Encrypts the plaintexts with the initiator's own cipher, so that the responder takes them for its frames.
    private func outcome(_ plaintexts: [[UInt8]]) throws -> (outputs: [LinkOutput], error: LinkError?) {
        let pair = try LinkPair.established()
        let transport = try #require(pair.initiator.transport)
        var outputs: [LinkOutput] = []
        for plaintext in plaintexts {
            let frame = try transport.sendCipher.encrypt(plaintext)
            do {
                try pair.responder.receive(
                    [UInt8(frame.count >> 8), UInt8(frame.count & 0xff)] + frame, now: start, into: &outputs)
            } catch {
                #expect(pair.responder.bufferedBytes == 0)
                return (outputs, error)
            }
        }
        return (outputs, nil)
    }

    private func pieceBegin(digestCount: UInt8, byteCount: UInt32, _ rest: [UInt8]) -> [UInt8] {
        let name = LinkFixtures.pieceName(0)
        return [3] + name.contribution.digest.bytes + [0, 0, 0, 0, digestCount]
            + withUnsafeBytes(of: byteCount.bigEndian, Array.init) + rest
    }

    @Test func theBytesOfControlFramesArePinned() throws {
        let (outputs, error) = try outcome([[1, 0, 0, 0, 2, 7, 8], [1, 0, 0, 0, 3, 1], [2, 2, 3]])
        #expect(error == nil)
        #expect(outputs == [.control([7, 8]), .control([1, 2, 3])])
    }

    @Test func theBytesOfPieceFramesArePinned() throws {
        let proof = LinkFixtures.proof(1)
        let name = PieceName(contribution: LinkFixtures.pieceName(0).contribution, index: 0x0102_0304)
        let first: [UInt8] =
            [3] + name.contribution.digest.bytes + [1, 2, 3, 4, 1, 0, 0, 0, 3] + proof[0].bytes + [9]
        let (outputs, error) = try outcome([first, [4, 8, 7]])
        #expect(error == nil)
        #expect(outputs == [.piece(name, proof: proof, bytes: [9, 8, 7])])
    }

    @Test func aFirstFragmentMayHoldTheHeaderAlone() throws {
        let (outputs, error) = try outcome([[1, 0, 0, 0, 1], [2, 5]])
        #expect(error == nil)
        #expect(outputs == [.control([5])])
    }

    @Test(arguments: [0, 65_537, 1 << 31, .max] as [UInt32])
    func aControlMessageThatClaimsTooMuchIsRefusedBeforeItComes(claimed: UInt32) throws {
        let (outputs, error) = try outcome([[1] + withUnsafeBytes(of: claimed.bigEndian, Array.init) + [1]])
        #expect(outputs.isEmpty)
        #expect(error == .controlLength(byteCount: Int(claimed), byteCountMax: 65_536))
    }

    @Test(arguments: [0, 1_048_577, .max] as [UInt32])
    func aPieceThatClaimsTooMuchIsRefusedBeforeItComes(claimed: UInt32) throws {
        let (outputs, error) = try outcome([pieceBegin(digestCount: 0, byteCount: claimed, [1])])
        #expect(outputs.isEmpty)
        #expect(error == .pieceLength(byteCount: Int(claimed), byteCountMax: 1_048_576))
    }

    @Test(arguments: [33, 255] as [UInt8])
    func aProofThatClaimsTooMuchIsRefused(claimed: UInt8) throws {
        let (_, error) = try outcome([
            pieceBegin(digestCount: claimed, byteCount: 1, [UInt8](repeating: 0, count: 9000))
        ])
        #expect(error == .proofLength(digestCount: Int(claimed), digestCountMax: 32))
    }

    @Test func anAllowedClaimReservesNothing() throws {
        let pair = try LinkPair.established()
        let transport = try #require(pair.responder.transport)
        var outputs: [LinkOutput] = []
        try transport.receive(plaintext: [1, 0, 1, 0, 0, 9], now: start, into: &outputs)
        try transport.receive(
            plaintext: pieceBegin(digestCount: 0, byteCount: 1 << 20, [9, 9]), now: start, into: &outputs)
        #expect(pair.responder.bufferedBytes == 3)
    }

    @Test(
        arguments: [
            ([[0]], .unknownFrameKind(0)),
            ([[8, 1]], .unknownFrameKind(8)),
            ([[255]], .unknownFrameKind(255)),
            ([[1, 0, 0]], .truncatedHeader(kind: 1)),
            ([[3, 1, 2]], .truncatedHeader(kind: 3)),
            ([[2, 1]], .orphanFragment(kind: 2)),
            ([[4, 1]], .orphanFragment(kind: 4)),
            ([[1, 0, 0, 0, 9, 1], [1, 0, 0, 0, 9, 1]], .interruptedMessage(kind: 1)),
            ([[1, 0, 0, 0, 9, 1], [2]], .emptyFragment(kind: 2)),
            ([[1, 0, 0, 0, 2, 1], [2, 2, 3]], .excessBytes(kind: 2, byteCount: 3, byteCountDeclared: 2)),
            ([[1, 0, 0, 0, 1, 1, 1]], .excessBytes(kind: 1, byteCount: 2, byteCountDeclared: 1)),
            ([[1, 0, 0, 0, 2, 1], [4, 2]], .orphanFragment(kind: 4)),
            ([[5, 1]], .malformedFrame(kind: 5, byteCount: 1)),
            ([[6]], .malformedFrame(kind: 6, byteCount: 0)),
            ([[7, 0]], .malformedFrame(kind: 7, byteCount: 1)),
            ([[5, 0, 0, 0, 0, 0, 0, 0, 1], [5, 0, 0, 0, 0, 0, 0, 0, 2]], .unexpectedPing),
            ([[6, 0, 0, 0, 0, 0, 0, 0, 1]], .unexpectedPong),
        ] as [([[UInt8]], LinkError)])
    func aFrameThatMeansNothingIsNamedAndEndsTheLink(plaintexts: [[UInt8]], expected: LinkError) throws {
        let (outputs, error) = try outcome(plaintexts)
        #expect(outputs.isEmpty)
        #expect(error == expected)
    }

    @Test func aProofThatIsCutIsRefused() throws {
        let (_, error) = try outcome([pieceBegin(digestCount: 2, byteCount: 1, [UInt8](repeating: 0, count: 63))])
        #expect(error == .truncatedHeader(kind: 3))
    }

    @Test func everyErrorSaysWhatItIs() {
        #expect("\(LinkError.controlLength(byteCount: 70_000, byteCountMax: 65_536))".contains("70000"))
        #expect("\(LinkError.otherNetworkOrWireVersion)".contains("genesis"))
    }
}
