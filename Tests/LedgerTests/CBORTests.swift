import Crypto
import Testing

@testable import Ledger

@Suite struct CBORTests {
    /// Records are bytes: what Swift's strings take for equal is not.
    @Test func canonicallyEquivalentTexts_areDifferentValuesAndKeys() throws {
        #expect(CBOR.text("caf\u{E9}") != .text("cafe\u{301}"))
        #expect(CBOR.record(["\u{E9}": .null]) != .record(["e\u{301}": .null]))
        #expect(
            TensorShape(name: "caf\u{E9}", shape: [1]) != TensorShape(name: "cafe\u{301}", shape: [1]))
        let both = CBOR.record(["\u{E9}": .unsigned(1), "e\u{301}": .unsigned(2)])
        #expect(try CBOR(encoded: both.encoded) == both)
        // The Kelvin sign is no K.
        var reader = try RecordReader(.record(["\u{212A}": .null]))
        #expect(throws: RecordError.missingKey("K")) { try reader.value("K") }
    }

    /// A genesis may name two tensors that only a table of Unicode takes for one.
    @Test func genesisWithCanonicallyEquivalentTensorNames_isRead() throws {
        let good = try ChainBuilder().genesis
        let genesis = Genesis(
            nonce: good.nonce, members: good.members, rules: good.rules,
            tensors: [TensorShape(name: "caf\u{E9}", shape: [2]), TensorShape(name: "cafe\u{301}", shape: [2])],
            attachments: [], roots: good.roots)
        let read = try Genesis(encoded: genesis.encoded)
        #expect(read.encoded == genesis.encoded)
        let repeated = Genesis(
            nonce: good.nonce, members: good.members, rules: good.rules,
            tensors: [TensorShape(name: "caf\u{E9}", shape: [2]), TensorShape(name: "caf\u{E9}", shape: [2])],
            attachments: [], roots: good.roots)
        #expect(throws: RecordError.outOfRange(key: "tensors")) { try Genesis(encoded: repeated.encoded) }
    }

    /// RFC 8949 appendix A, as far as our part of CBOR goes.
    @Test(arguments: [
        ("00", CBOR.unsigned(0)), ("17", .unsigned(23)), ("1818", .unsigned(24)), ("1864", .unsigned(100)),
        ("1903e8", .unsigned(1000)), ("1a000f4240", .unsigned(1_000_000)),
        ("1b000000e8d4a51000", .unsigned(1_000_000_000_000)), ("1bffffffffffffffff", .unsigned(.max)),
        ("f4", .boolean(false)), ("f5", .boolean(true)), ("f6", .null), ("40", .bytes([])),
        ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("6161", .text("a")), ("62c3bc", .text("\u{fc}")),
        ("80", .array([])), ("83010203", .array([.unsigned(1), .unsigned(2), .unsigned(3)])), ("a0", .map([])),
        (
            "a26161016162820203",
            .record(["a": .unsigned(1), "b": .array([.unsigned(2), .unsigned(3)])])
        ),
    ])
    func examplesOfTheStandardRoundTrip(hex: String, value: CBOR) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(value.encoded == bytes)
        #expect(try CBOR(encoded: bytes) == value)
    }

    @Test(arguments: [
        ("", RecordError.truncated), ("18", .truncated), ("1801", .nonMinimalInteger), ("1817", .nonMinimalInteger),
        ("1900ff", .nonMinimalInteger), ("1a0000ffff", .nonMinimalInteger),
        ("1b00000000ffffffff", .nonMinimalInteger), ("580100", .nonMinimalInteger), ("780161", .nonMinimalInteger),
        ("980101", .nonMinimalInteger), ("b8016161f6", .nonMinimalInteger), ("20", .unsupportedItem(initialByte: 0x20)),
        ("c000", .unsupportedItem(initialByte: 0xc0)), ("f7", .unsupportedItem(initialByte: 0xf7)),
        ("f90000", .unsupportedItem(initialByte: 0xf9)), ("ff", .unsupportedItem(initialByte: 0xff)),
        ("5f4100ff", .unsupportedItem(initialByte: 0x5f)), ("9fff", .unsupportedItem(initialByte: 0x9f)),
        ("bfff", .unsupportedItem(initialByte: 0xbf)), ("1c", .unsupportedItem(initialByte: 0x1c)),
        ("61ff", .invalidText), ("62c3", .truncated), ("0000", .trailingBytes(count: 1)),
        ("a2616201616102", .keysOutOfOrder(key: "a")), ("a2616101616102", .keysOutOfOrder(key: "a")),
        ("a262616101616202", .keysOutOfOrder(key: "b")), ("a10101", .wrongType(key: "")),
        ("a141610a", .wrongType(key: "")),
        ("5bffffffffffffffff", .truncated), ("9bffffffffffffffff", .truncated), ("bbffffffffffffffff", .truncated),
        ("7b7fffffffffffffff", .truncated), ("9affffffff", .truncated),
    ])
    func otherEncodingsAreRefused(hex: String, error: RecordError) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(throws: error) { try CBOR(encoded: bytes) }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] { [UInt8](repeating: 0x81, count: depth) + [0] }
        #expect(throws: Never.self) { try CBOR(encoded: nested(CBOR.depthLimit - 1)) }
        #expect(throws: RecordError.tooDeep) { try CBOR(encoded: nested(CBOR.depthLimit)) }
        #expect(throws: RecordError.tooDeep) { try CBOR(encoded: nested(1_000_000)) }
    }

    @Test func shorterKeysComeFirst() {
        let record = CBOR.record(["bb": .null, "c": .null, "a": .null, "ab": .null])
        guard case .map(let entries) = record else {
            Issue.record("a record is a map")
            return
        }
        #expect(entries.map(\.key) == ["a", "c", "ab", "bb"])
    }
}
