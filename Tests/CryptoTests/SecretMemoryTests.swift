import Glibc
import TestSupport
import Testing

@testable import Crypto

@Suite struct SecretMemoryTests {
    @Test(arguments: [0, 1, 15, 16, 17, 32, 4096, 5000])
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

    @Test(.disabled(if: Sanitizer.isActive, "a sanitizer takes over mlock and locks nothing"))
    func memoryOfASecretIsLockedAndLeftOutOfCoreDumps() throws {
        let secret = SecretBytes.random(count: 32)
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
