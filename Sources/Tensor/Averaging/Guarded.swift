import CKernels
import Synchronization

/// A value behind a lock, for any thread.
///
/// A `Mutex` that says to the thread sanitizer when it is taken and given back. A `Mutex` that is waited for is taken inside the
/// standard library, where the sanitizer sees nothing: it would report a race in every one that two threads want at once.
public final class Guarded<Value>: Sendable {
    private let mutex: Mutex<Value>

    public init(_ value: sending Value) { mutex = Mutex(value) }

    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { (value) throws(Failure) in
            let lock = UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
            mesh_lock_taken(lock)
            defer { mesh_lock_given_back(lock) }
            return try body(&value)
        }
    }
}
