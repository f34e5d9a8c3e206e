import CSodium

/// Bytes that must not linger: wiped before their memory is given back.
///
/// Immutable after construction, hence safe to share between threads.
public final class SecretBytes: @unchecked Sendable {  // nothing writes to the storage after init
    private let storage: UnsafeMutableRawBufferPointer

    /// - Parameter fill: writes the secret into zeroed memory of `count` bytes.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        storage = .allocate(byteCount: count, alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0)
        fill(storage)
    }

    /// A wiped-on-release copy of `bytes`; the caller's own copy is the caller's to wipe.
    public convenience init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// `count` bytes from the system's cryptographic generator.
    public static func random(count: Int) -> SecretBytes {
        _ = Sodium.ready
        return SecretBytes(count: count) { randombytes_buf($0.baseAddress!, $0.count) }
    }

    deinit {
        if let base = storage.baseAddress { sodium_memzero(base, storage.count) }
        storage.deallocate()
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
