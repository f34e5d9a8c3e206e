import Glibc
import System

/// Runs numbered jobs on a few threads and waits for all of them.
///
/// For programs without a worker pool of their own (`meshctl verify`, benchmarks, tests). The daemon hands the same
/// jobs to its workers.
enum JobThreads {
    /// - Parameters:
    ///   - count: jobs 0..<count; taken in order, finished in any.
    ///   - workers: threads, at least one; one runs on the caller's.
    ///   - makeWorker: the scratch that a thread keeps from job to job.
    /// - Throws: the error of the lowest job that failed; the jobs after it may not have run.
    static func run<Worker, Failure: Error>(
        count: Int, workers: Int, makeWorker: @escaping @Sendable () -> Worker,
        job: @escaping @Sendable (Worker, Int) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(workers >= 1)
        let next = SharedCounter(limit: count)
        let failures = SharedFailure<Failure>()
        let body: @Sendable () -> Void = {
            let worker = makeWorker()
            while let index = next.take() {
                do throws(Failure) {
                    try job(worker, index)
                } catch {
                    failures.record(error, job: index)
                    next.stop()
                }
            }
        }
        var threads: [pthread_t] = []
        for _ in 1..<max(1, min(workers, count)) {
            if let thread = start(body) { threads.append(thread) }
        }
        body()
        for thread in threads { pthread_join(thread, nil) }
        if let error = failures.first { throw error }
    }

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Nil where the system gives no more threads: those that run do the work.
    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body))
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            box.release()
            return nil
        }
        return thread
    }
}

/// The next job's number, for any thread.
private final class SharedCounter: Sendable {
    private let next: Guarded<Int>
    private let limit: Int

    init(limit: Int) {
        next = Guarded(0)
        self.limit = limit
    }

    func take() -> Int? {
        next.withLock { next in
            guard next < limit else { return nil }
            defer { next += 1 }
            return next
        }
    }

    func stop() { next.withLock { $0 = limit } }
}

/// The error of the lowest job that failed.
private final class SharedFailure<Failure: Error>: Sendable {
    private let state = Guarded<(job: Int, error: Failure)?>(nil)

    var first: Failure? { state.withLock { $0?.error } }

    func record(_ error: Failure, job: Int) {
        state.withLock { state in
            if let known = state, known.job < job { return }
            state = (job, error)
        }
    }
}
