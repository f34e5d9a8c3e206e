import Glibc

/// A value behind a mutex, with a condition to wait on.
///
/// A pthread mutex and not `Synchronization.Mutex`, which nothing here uses: a `Mutex` that is waited for is taken inside the
/// standard library, where the thread sanitizer sees nothing, so it reports races that are none.
public final class Guarded<Value>: @unchecked Sendable {  // the value is touched only while the mutex is held
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func withLock<Output, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Waits until `body` gives a value; it is asked at first and after each `wake`.
    public func wait<Output>(for body: (inout Value) -> Output?) -> Output {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let output = body(&value) { return output }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Waits until `body` gives a value, at most this long; nil if it gave none.
    public func wait<Output>(timeoutMilliseconds: UInt64, for body: (inout Value) -> Output?) -> Output? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let milliseconds = Int(clamping: min(timeoutMilliseconds, 86_400_000))
        let nanoseconds = deadline.tv_nsec + milliseconds % 1000 * 1_000_000
        deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let output = body(&value) { return output }
            guard pthread_cond_timedwait(condition, mutex, &deadline) == 0 else { return body(&value) }
        }
    }

    /// Lets one waiting thread, or all of them, look again.
    public func wake(all: Bool) {
        if all { pthread_cond_broadcast(condition) } else { pthread_cond_signal(condition) }
    }
}
