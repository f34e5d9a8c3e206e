import Crypto
import Testing

struct DigestTests {
    /// From Python: `hashlib.blake2b(data, digest_size=32, person=tag).hexdigest()`.
    @Test(arguments: [
        ("mesh/test", [UInt8](), "b0f6c1a26056a6843626f793d98729fd6b1229e9afc5ad9696ed578b29d91459"),
        ("mesh/test", Array("abc".utf8), "5c9ead62fcfada1c434845b62e66edea3c1ea2b4d20c35bfe65c72c29e15c9e1"),
        (
            "sixteen-letters!", (0..<1000).map { UInt8(truncatingIfNeeded: $0) },
            "a81094f66509317e389c1fef8f52596c185d36608e5904dcd78d5cede945de7b"
        ),
    ])
    func digestsAreThoseOfAnyBLAKE2bWithPersonalisation(tag: String, data: [UInt8], expected: String) {
        #expect(Digest(DigestDomain(tag), data).description == expected)
    }

    @Test func theDomainsOfTheSameBytesGiveDifferentDigests() {
        #expect(Digest(DigestDomain("mesh/a"), [1]) != Digest(DigestDomain("mesh/b"), [1]))
    }

    @Test(arguments: [0, 1, 127, 128, 129, 1000])
    func partsGiveTheDigestOfTheWhole(partBytes: Int) {
        let domain = DigestDomain("mesh/test")
        let data = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let hasher = DigestHasher(domain)
        hasher.update(Array(data[..<partBytes]))
        hasher.update(Array(data[partBytes...]))
        #expect(hasher.finalize() == Digest(domain, data))
    }

    @Test func bytesAndHexadecimalTextRoundTrip() throws {
        let digest = Digest(DigestDomain("mesh/test"), [1, 2, 3])
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(Digest(hex: digest.description) == digest)
        #expect(Digest(hex: digest.description.uppercased()) == digest)
        #expect(digest.description.hasPrefix(digest.short) && digest.short.count == 12)
        #expect(Digest.zero.bytes == [UInt8](repeating: 0, count: 32))
    }

    @Test(arguments: [0, 31, 33])
    func anyOtherCountIsNoDigest(count: Int) {
        #expect(Digest(bytes: [UInt8](repeating: 0, count: count)) == nil)
        #expect(Digest(hex: String(repeating: "00", count: count)) == nil)
    }

    @Test func theOrderIsThatOfTheBytes() throws {
        var random = SeededRandom(simulationSeed: 30)
        let digests = (0..<200).map { index in
            // Half of them share a long prefix.
            var bytes = random.secret(count: 32).withUnsafeBytes { Array($0) }
            if index.isMultiple(of: 2) { bytes.replaceSubrange(0..<31, with: [UInt8](repeating: 7, count: 31)) }
            return Digest(bytes: bytes)!
        }
        for left in digests {
            for right in digests {
                #expect((left < right) == left.bytes.lexicographicallyPrecedes(right.bytes))
            }
        }
    }
}

struct HexTests {
    @Test func everyByteRoundTrips() {
        let all = (0...255).map { UInt8($0) }
        #expect(Hex.decode(Hex.encode(all)) == all)
        #expect(Hex.encode([0, 9, 10, 255]) == "00090aff")
        #expect(Hex.decode("") == [])
    }

    @Test(arguments: ["0", "000", "0g", "g0", " 0", "0x", "é", "--", "00 0", "/0", ":0", "@0", "`0"])
    func anythingElseIsRefused(text: String) {
        #expect(Hex.decode(text) == nil)
    }
}
