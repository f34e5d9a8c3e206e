import Crypto
import Testing

struct SignatureTests {
    static let domain = SignatureDomain("mesh/test")
    static let network = Digest(bytes: Array(0..<32) as [UInt8])!
    static let message = Array("hello mesh".utf8)

    /// The key of RFC 8032 section 7.1, test 1.
    func key() throws -> SigningKey {
        SigningKey(
            seed: SecretBytes(try bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")))
    }

    /// Values from here on come from RFC 8032's own Python program, run over our statement (tag, network, message).
    @Test func signaturesAreRFC8032sOverTheStatement() throws {
        let key = try key()
        #expect(
            key.verifyingKey.description == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        #expect(
            Hex.encode(key.sign(Self.message, as: Self.domain, network: Self.network).bytes)
                == "a98ecae130da64a6477dd5027ba41815195a690977683ccd7c724526758b11cc"
                + "8f7164d0aa49f8c035d750ecea6670ee1dbb4b55126e722ea71fc6c65ec70e0f")
    }

    @Test func aSignatureHoldsForItsKeyDomainNetworkAndMessageAlone() throws {
        let key = try key()
        let signature = key.sign(Self.message, as: Self.domain, network: Self.network)
        let verifying = key.verifyingKey
        #expect(verifying.verifies(signature, over: Self.message, as: Self.domain, network: Self.network))
        #expect(!verifying.verifies(signature, over: Self.message + [0], as: Self.domain, network: Self.network))
        #expect(!verifying.verifies(signature, over: Self.message, as: Self.domain, network: .zero))
        #expect(
            !verifying.verifies(
                signature, over: Self.message, as: SignatureDomain("mesh/tesu"), network: Self.network))
        let other = SigningKey(seed: SecretBytes([UInt8](repeating: 1, count: 32))).verifyingKey
        #expect(!other.verifies(signature, over: Self.message, as: Self.domain, network: Self.network))
    }

    @Test func aSignatureWithAnyBitChangedIsRefused() throws {
        let key = try key()
        let signature = key.sign(Self.message, as: Self.domain, network: Self.network)
        for bit in 0..<512 {
            var changed = signature.bytes
            changed[bit / 8] ^= UInt8(1 << (bit % 8))
            let damaged = try #require(Signature(bytes: changed))
            #expect(
                !key.verifyingKey.verifies(damaged, over: Self.message, as: Self.domain, network: Self.network))
        }
    }

    @Test(
        "A signature that only some verifiers would take is refused",
        arguments: [
            // S + L: the same number modulo L.
            "a98ecae130da64a6477dd5027ba41815195a690977683ccd7c724526758b11cc"
                + "7c455a2dc5ac0a190c74488fc9604f031ebb4b55126e722ea71fc6c65ec70e1f",
            // R with a part of order 8, S right: holds with the cofactor, not without.
            "cdbc161be64c4302f56443ff29ccf36a2075be1a1fa67ff126b56315f5681c38"
                + "44a50bff5a8230772f434d840984027f38984deb4f687abe6f1b847f1a411905",
        ])
    func anAmbiguousSignatureIsRefused(hex: String) throws {
        let signature = try #require(Signature(bytes: bytes(hex)))
        #expect(
            try !key().verifyingKey.verifies(
                signature, over: Self.message, as: Self.domain, network: Self.network))
    }

    @Test("A key that is no canonical point of the prime-order subgroup is refused", arguments: smallOrMixed)
    func anInvalidKeyIsRefused(hex: String) throws {
        let key = try #require(VerifyingKey(bytes: bytes(hex)))
        #expect(!key.isValidPoint)
        // As R of a signature it is refused too.
        let signature = try #require(Signature(bytes: bytes(hex) + [UInt8](repeating: 0, count: 32)))
        #expect(
            try !self.key().verifyingKey.verifies(
                signature, over: Self.message, as: Self.domain, network: Self.network))
    }

    @Test func theKeysOfSeedsAreValid() {
        var random = SeededRandom(simulationSeed: 40)
        for _ in 0..<20 { #expect(SigningKey(seed: random.secret(count: 32)).verifyingKey.isValidPoint) }
    }

    /// Without the check at admission this signature would pass here and fail elsewhere, or the other way round.
    @Test func theCheckAtAdmissionIsWhatKeepsAKeyOfMixedOrderOut() throws {
        let key = try #require(VerifyingKey(bytes: bytes(Self.smallOrMixed[0])))
        let signature = try #require(
            Signature(
                bytes: bytes(
                    "5866666666666666666666666666666666666666666666666666666666666666"
                        + "2bd3ad7ac1c2556cff89fc56db8b2ab09eee0ca87d4315bb7d61b9eac4f99e00")))
        #expect(key.verifies(signature, over: Self.message, as: Self.domain, network: Self.network))
        #expect(!key.isValidPoint)
    }

    @Test(arguments: [0, 63, 65]) func anyOtherCountIsNoSignature(count: Int) {
        #expect(Signature(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }

    static let smallOrMixed: [String] = [
        // The key above plus a point of order 8, 4, 2.
        "3b5b475c4b82dd1572799fc546f4c6c03e478c6654aa4c7f945b347ea32af60d",
        "40c7570f4dd54835b9131184410ed4a0cc93e7d9ad053cbc6d07a62426999582",
        "16a567fe7d4ef5482ab4012c369bf8c5f11e8d0c2559dcda50fde59708f8aee5",
        // The eight points of small order.
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        // Written with a y of p, p + 1, p + 3 and 2^255 - 1.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // No point at all.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ]
}
