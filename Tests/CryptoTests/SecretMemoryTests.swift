import Glibc
import TestKit
import Testing

@testable import Crypto

@Suite struct SecretMemoryTests {
    @Test(arguments: [0, 1, 15, 16, 17, 32, 128, 129, 4096, 5000])
    func bytesAreKept(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let secret = SecretBytes(bytes)
        #expect(secret.count == count)
        #expect(secret.withUnsafeBytes { Array($0) } == bytes)
        #expect(SecretBytes(count: count) { _ in }.withUnsafeBytes { $0.allSatisfy { $0 == 0 } })
    }

    /// The flags of the mapping that holds an address, as /proc/self/smaps has them.
    private func flags(of address: UInt) throws -> [Substring] {
        let file = try #require(fopen("/proc/self/smaps", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var isMapping = false
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard let first = words.first else { continue }
            let bounds = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if bounds.count == 2, !first.hasSuffix(":") { isMapping = (bounds[0]..<bounds[1]).contains(address) }
            if isMapping, first == "VmFlags:" { return Array(words.dropFirst()) }
        }
        return []
    }

    @Test("secrets that are held at one time share no byte, and one that was given back leaves nothing behind")
    func manySecrets_keepTheirBytes() throws {
        let pool = SecretPool()
        let bytes = { (index: Int) in
            (0..<SecretPool.slotBytes).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0 | 1) }
        }
        // More than two blocks.
        let slots = (0..<300).map { index in
            let slot = pool.take()
            let buffer = UnsafeMutableRawBufferPointer(start: slot, count: SecretPool.slotBytes)
            #expect(buffer.allSatisfy { $0 == 0 } && UInt(bitPattern: slot) % 16 == 0)
            buffer.copyBytes(from: bytes(index))
            return buffer
        }
        for (index, slot) in slots.enumerated() { #expect(Array(slot) == bytes(index)) }
        for slot in slots { pool.giveBack(try #require(slot.baseAddress)) }
        #expect(slots.allSatisfy { $0.allSatisfy { $0 == 0 } })
        let again = Set((0..<300).map { _ in pool.take() })
        #expect(again == Set(slots.compactMap(\.baseAddress)))
    }

    @Test(.disabled(if: Sanitizer.isActive, "a sanitizer takes over mlock and locks nothing"), arguments: [32, 5000])
    func memoryOfASecretIsLockedAndLeftOutOfCoreDumps(count: Int) throws {
        let secret = SecretBytes.random(count: count)
        let address = secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        let flags = try flags(of: address)
        // "lo" locked, "dd" not in a dump: proc(5). An ordinary allocation has neither.
        #expect(flags.contains("lo") && flags.contains("dd"), "\(flags)")
        let ordinary = UnsafeMutableRawPointer.allocate(byteCount: 32, alignment: 16)
        defer { ordinary.deallocate() }
        #expect(try !self.flags(of: UInt(bitPattern: ordinary)).contains("dd"))
        withExtendedLifetime(secret) {}
    }
}
