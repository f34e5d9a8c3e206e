import Glibc

/// A value behind a mutex, with a condition to wait on.
///
/// A pthread mutex and not `Synchronization.Mutex`: the thread sanitizer sees through the former only.
final class Guarded<Value>: @unchecked Sendable {  // the value is touched only while the mutex is held
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Output>(_ body: (inout Value) -> Output) -> Output {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Waits until `body` gives a value; it is asked at first and after each `wake`.
    func wait<Output>(for body: (inout Value) -> Output?) -> Output {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let output = body(&value) { return output }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Lets one waiting thread, or all of them, look again.
    func wake(all: Bool) {
        if all { pthread_cond_broadcast(condition) } else { pthread_cond_signal(condition) }
    }
}
