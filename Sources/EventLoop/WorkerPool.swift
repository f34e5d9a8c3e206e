import CUV
import System

/// A fixed number of threads that run jobs and hand the results back on the loop's thread.
///
/// Jobs start in the order of submission; results are delivered in the order of completion. Jobs and their results are
/// Sendable; completions are ordinary closures of the loop's thread. The loop stays alive while jobs are outstanding.
public final class WorkerPool {
    /// What becomes of jobs that wait when the pool is shut down. Jobs that run always run to their end.
    public enum Shutdown: Sendable {
        /// All submitted jobs run, and their completions are called.
        case drain
        /// Waiting jobs are dropped, and no completion is called any more.
        case abandon
    }

    /// Jobs submitted whose completion was not called yet.
    public private(set) var outstanding = 0
    public let threadCount: Int

    private let loop: EventLoop
    private let queue = JobQueue()
    private var mailbox: LoopMailbox<WorkerReport>?
    private var threads: [uv_thread_t] = []
    private var completions: [UInt64: () -> Void] = [:]
    private var nextTicket: UInt64 = 0
    private var liveThreads = 0
    private var isShutDown = false
    private var abandons = false
    private var shutdownCompletion: (() -> Void)?

    /// - Parameter threads: at least 1.
    public init(loop: EventLoop, threads count: Int) throws(LoopError) {
        precondition(count > 0, "a worker pool has threads")
        self.loop = loop
        threadCount = count
        // The mailbox holds the pool while it is open, as any open handle keeps its owner.
        let mailbox = try LoopMailbox<WorkerReport>(
            loop: loop, onClose: { self.mailboxClosed() }, { self.receive($0) })
        self.mailbox = mailbox
        mailbox.keepsLoopAlive = false
        for _ in 0..<count {
            let argument = Unmanaged.passRetained(WorkerThread(queue: queue, reports: mailbox.sender))
            var thread = uv_thread_t()
            let status = uv_thread_create(
                &thread,
                { raw in
                    guard let raw else { return }
                    Unmanaged<WorkerThread>.fromOpaque(raw).takeRetainedValue().run()
                }, argument.toOpaque())
            guard status == 0 else {
                argument.release()
                mailbox.close()
                throw .operation("start a worker thread", SystemErrorCode(status))
            }
            threads.append(thread)
            liveThreads += 1
        }
    }

    /// Runs `job` on one of the threads, then `completion` with its value on the loop's thread.
    public func submit<Value: Sendable>(
        _ job: @escaping @Sendable () -> Value, completion: @escaping (Value) -> Void
    ) {
        loop.checkThread()
        precondition(!isShutDown, "a job was submitted to a worker pool that was shut down")
        let ticket = nextTicket
        nextTicket += 1
        let slot = Guarded<Value?>(nil)
        completions[ticket] = {
            if let value = slot.withLock({ $0 }) { completion(value) }
        }
        outstanding += 1
        mailbox?.keepsLoopAlive = true
        queue.append(
            Job(ticket: ticket) {
                let value = job()
                slot.withLock { $0 = value }
            })
    }

    /// Ends the pool; `completion` is called on the loop's thread when the last thread has ended. The loop is never
    /// blocked: it goes on turning meanwhile.
    public func shutdown(_ shutdown: Shutdown, completion: (() -> Void)? = nil) {
        loop.checkThread()
        precondition(!isShutDown, "a worker pool is shut down once")
        isShutDown = true
        shutdownCompletion = completion
        if shutdown == .abandon { abandon() }
        mailbox?.keepsLoopAlive = true
        queue.end(dropping: abandons)
    }

    private func abandon() {
        abandons = true
        completions = [:]
        outstanding = 0
    }

    private func receive(_ report: WorkerReport) {
        switch report {
        case .finished(let ticket):
            guard let completion = completions.removeValue(forKey: ticket) else { return }
            outstanding -= 1
            if outstanding == 0 && !isShutDown { mailbox?.keepsLoopAlive = false }
            completion()
        case .threadEnded:
            liveThreads -= 1
            if liveThreads == 0 { mailbox?.close() }
        }
    }

    /// Comes after the last thread's end, or earlier where the loop closes under the pool: then the threads are waited
    /// for here.
    private func mailboxClosed() {
        if liveThreads > 0 {
            isShutDown = true
            abandon()
            queue.end(dropping: true)
        }
        for index in threads.indices { uv_thread_join(&threads[index]) }
        threads = []
        mailbox = nil
        let completion = shutdownCompletion
        shutdownCompletion = nil
        completion?()
    }
}

/// One thread of our own whose jobs run and report in the order of submission: the journal's.
public final class SerialWorker {
    private let pool: WorkerPool

    public init(loop: EventLoop) throws(LoopError) {
        pool = try WorkerPool(loop: loop, threads: 1)
    }

    /// Jobs submitted whose completion was not called yet.
    public var outstanding: Int { pool.outstanding }

    /// Runs `job` after all earlier ones, then `completion` with its value on the loop's thread.
    public func submit<Value: Sendable>(
        _ job: @escaping @Sendable () -> Value, completion: @escaping (Value) -> Void
    ) {
        pool.submit(job, completion: completion)
    }

    /// See `WorkerPool.shutdown`.
    public func shutdown(_ shutdown: WorkerPool.Shutdown, completion: (() -> Void)? = nil) {
        pool.shutdown(shutdown, completion: completion)
    }
}
