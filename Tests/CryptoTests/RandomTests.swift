import Crypto
import Testing

struct SeededRandomTests {
    /// The words of ChaCha20 under the seed's key, computed in Python; the last six cross the first block's end.
    @Test func theStreamOfASimulationSeedIsPinned() {
        var random = SeededRandom(simulationSeed: 1)
        let words = (0..<68).map { _ in random.next() }
        #expect(
            Array(words[..<8]) == [
                0x86bc_8bf2_fb7d_7c82, 0x0904_0a92_b10f_d05e, 0x6aa0_61b4_0342_3389, 0x6ce0_d050_37ec_ecf9,
                0xfa3b_f1bb_62ee_39d6, 0x6a85_a0ce_cc64_2b93, 0x2503_2707_6b15_b831, 0x5a95_8633_a40d_a02c,
            ])
        #expect(
            Array(words[62...]) == [
                0xf624_39ee_6419_c2b6, 0xaa72_e16c_d9ab_4f05, 0xb7e9_9157_d5c8_3551, 0x82b7_7e3e_22f4_f505,
                0x6404_b267_a2b2_68b9, 0xb710_7ed5_3a9f_854d,
            ])
    }

    @Test func copiesContinueAlikeAndSplitsApart() {
        var first = SeededRandom(simulationSeed: 2)
        _ = first.next()
        var second = first
        #expect(first.next() == second.next())
        var (left, right) = (first.split(), first.split())
        #expect(left.next() != right.next())
        var again = second.split()
        _ = again.next()
        #expect(left.next() == again.next())
    }

    @Test func secretsAreTheStreamsBytes() {
        var random = SeededRandom(simulationSeed: 1)
        let secret = random.secret(count: 12).withUnsafeBytes { Array($0) }
        #expect(Hex.encode(secret) == "827c7dfbf28bbc865ed00fb1")
        #expect(random.next() == 0x6aa0_61b4_0342_3389)
    }

    @Test func theSystemsGeneratorsDiffer() {
        var (first, second) = (SeededRandom.system(), SeededRandom.system())
        #expect(first.next() != second.next())
    }
}

struct SecretBytesTests {
    @Test func holdsWhatItWasGiven() {
        let secret = SecretBytes([1, 2, 3])
        #expect(secret.count == 3)
        #expect(secret.withUnsafeBytes { Array($0) } == [1, 2, 3])
        #expect(SecretBytes([]).withUnsafeBytes { Array($0) } == [])
    }

    @Test func startsAsZeros() {
        #expect(
            SecretBytes(count: 40) { $0[39] = 5 }.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0, count: 39) + [
                5
            ])
    }

    @Test func randomSecretsDiffer() {
        let secrets = (0..<4).map { _ in SecretBytes.random(count: 32).withUnsafeBytes { Array($0) } }
        #expect(Set(secrets).count == 4)
    }
}
