import CSodium

/// Bytes that must not linger: in pages that are locked in memory (as far as `RLIMIT_MEMLOCK` allows), left out of
/// core dumps, fenced by pages that nothing may touch, and wiped before they are given back. All of that is `sodium_malloc`. Keys
/// share such pages (`SecretPool`); what is larger has pages of its own.
///
/// Immutable after construction, hence safe to share between threads.
public final class SecretBytes: @unchecked Sendable {  // nothing writes to the storage after init
    private let storage: UnsafeMutableRawBufferPointer
    private static let alignment = 16

    /// - Parameter fill: writes the secret into zeroed memory of `count` bytes.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        _ = Sodium.ready
        guard count > SecretPool.slotBytes else {
            storage = UnsafeMutableRawBufferPointer(start: SecretPool.shared.take(), count: count)
            fill(storage)
            return
        }
        // The allocation ends where its last page ends: a multiple of the alignment begins aligned.
        let rounded = (count + SecretBytes.alignment - 1) / SecretBytes.alignment * SecretBytes.alignment
        guard let base = sodium_malloc(rounded) else {
            preconditionFailure("there is no memory for a secret of \(count) bytes")
        }
        sodium_memzero(base, rounded)
        storage = UnsafeMutableRawBufferPointer(start: base, count: count)
        fill(storage)
    }

    /// A wiped-on-release copy of `bytes`; the caller's own copy is the caller's to wipe.
    public convenience init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// `count` bytes from the system's cryptographic generator.
    public static func random(count: Int) -> SecretBytes {
        SecretBytes(count: count) { randombytes_buf($0.baseAddress!, $0.count) }
    }

    deinit {
        guard let base = storage.baseAddress else { return }
        if storage.count > SecretPool.slotBytes { sodium_free(base) } else { SecretPool.shared.giveBack(base) }
    }

    public var count: Int { storage.count }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(storage))
    }

    /// The bytes in `range`, as a secret of their own.
    func slice(_ range: Range<Int>) -> SecretBytes {
        SecretBytes(count: range.count) { output in
            withUnsafeBytes { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }
}
