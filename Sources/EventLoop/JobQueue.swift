import System

/// A job as the threads see it: its result goes through a slot of its own.
struct Job: Sendable {
    let ticket: UInt64
    let run: @Sendable () -> Void

    init(ticket: UInt64, run: @escaping @Sendable () -> Void) {
        self.ticket = ticket
        self.run = run
    }
}

/// What a worker thread tells the loop.
enum WorkerReport: Sendable {
    case finished(ticket: UInt64)
    case threadEnded
}

/// Waiting jobs, first come first served.
final class JobQueue: Sendable {
    private struct State {
        var jobs: [Job?] = []
        /// Jobs before this index were taken; their slots are given back in bulk.
        var taken = 0
        var hasEnded = false
    }

    private enum Taken {
        case job(Job)
        case ended
    }

    private let state = Guarded(State())

    func append(_ job: Job) {
        state.withLock { $0.jobs.append(job) }
        state.wake(all: false)
    }

    /// No job comes any more; with `dropping`, those that wait are not run either.
    func end(dropping: Bool) {
        state.withLock { state in
            state.hasEnded = true
            if dropping {
                state.jobs = []
                state.taken = 0
            }
        }
        state.wake(all: true)
    }

    /// Waits for the next job; nil when there will be none.
    func next() -> Job? {
        let taken: Taken = state.wait { state in
            guard state.taken < state.jobs.count, let job = state.jobs[state.taken] else {
                return state.hasEnded ? .ended : nil
            }
            state.jobs[state.taken] = nil
            state.taken += 1
            if state.taken > 64 && state.taken * 2 > state.jobs.count {
                state.jobs.removeFirst(state.taken)
                state.taken = 0
            }
            return .job(job)
        }
        switch taken {
        case .job(let job): return job
        case .ended: return nil
        }
    }
}

/// What one thread of a pool holds and does.
final class WorkerThread: Sendable {
    private let queue: JobQueue
    private let reports: LoopMailbox<WorkerReport>.Sender

    init(queue: JobQueue, reports: LoopMailbox<WorkerReport>.Sender) {
        self.queue = queue
        self.reports = reports
    }

    func run() {
        while let job = queue.next() {
            job.run()
            reports.post(.finished(ticket: job.ticket))
        }
        reports.post(.threadEnded)
    }
}
