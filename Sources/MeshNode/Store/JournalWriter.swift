import EventLoop
import Gossip

/// Hands the journal's thread one batch after the other. What is asked for while a commit runs goes into the next one,
/// so one sync serves all of a turn, and of all turns meanwhile.
///
/// A batch that cannot be committed is tried again until it can: nothing is dropped, nothing is reported as durable
/// before it is, and so nothing that waits for it is sent.
final class JournalWriter {
    /// Called with the tickets of a batch that is durable now, in order.
    var onPersisted: (([PersistTicket]) -> Void)?
    /// Called when commits begin to fail, and with nil when they succeed again.
    var onFailure: ((StoreError?) -> Void)?

    /// Why the last commit failed; nil in good times.
    private(set) var failure: StoreError?

    private let sink: any JournalSink
    private let worker: SerialWorker
    private let retryTimer: LoopTimer
    private let retryMilliseconds: UInt64
    private let loop: EventLoop
    private var waiting = JournalBatch()
    private var isCommitting = false
    private var isFlushAsked = false

    init(loop: EventLoop, sink: any JournalSink, retryMilliseconds: UInt64 = 1000) throws(LoopError) {
        self.loop = loop
        self.sink = sink
        self.retryMilliseconds = retryMilliseconds
        worker = try SerialWorker(loop: loop)
        retryTimer = try LoopTimer(loop: loop)
        retryTimer.keepsLoopAlive = false
    }

    /// Whether something is not durable yet.
    var isBusy: Bool { isCommitting || !waiting.isEmpty }

    /// Takes a batch; it becomes durable after all earlier ones, together with what else comes in this turn.
    func append(_ batch: JournalBatch) {
        waiting.append(batch)
        guard !isFlushAsked else { return }
        isFlushAsked = true
        loop.atEndOfTurn { [weak self] in
            self?.isFlushAsked = false
            self?.commit()
        }
    }

    /// Runs `job` on the journal's thread after what was committed so far, for reads that must not hold the loop up.
    func read<Value: Sendable>(_ job: @escaping @Sendable () -> Value, completion: @escaping (Value) -> Void) {
        worker.submit(job, completion: completion)
    }

    /// Ends the thread; a commit that runs is waited for, one that waits is not begun.
    func shutdown(completion: @escaping () -> Void) {
        retryTimer.close()
        worker.shutdown(.abandon, completion: completion)
    }

    private func commit() {
        guard !isCommitting, !waiting.isEmpty, !retryTimer.isArmed, !retryTimer.isClosing else { return }
        let batch = waiting
        waiting = JournalBatch()
        isCommitting = true
        let sink = sink
        worker.submit(
            { () -> StoreError? in
                do throws(StoreError) {
                    try sink.commit(batch)
                    return nil
                } catch {
                    return error
                }
            },
            completion: { [weak self] failure in self?.committed(batch, failure) })
    }

    private func committed(_ batch: JournalBatch, _ failure: StoreError?) {
        isCommitting = false
        if let failure {
            var again = batch
            again.append(waiting)
            waiting = again
            let isNew = self.failure != failure
            self.failure = failure
            if isNew { onFailure?(failure) }
            if !retryTimer.isClosing {
                retryTimer.start(afterMilliseconds: retryMilliseconds) { [weak self] in self?.commit() }
            }
            return
        }
        if self.failure != nil {
            self.failure = nil
            onFailure?(nil)
        }
        onPersisted?(batch.tickets)
        commit()
    }
}
