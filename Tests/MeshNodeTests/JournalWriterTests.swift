import EventLoop
import Glibc
import Gossip
import Ledger
import System
import Testing

@testable import MeshNode

/// Stands in the database's place: refuses so many commits, and keeps what it took.
final class FailingSink: JournalSink {
    private let state: Guarded<(refusals: Int, batches: [JournalBatch])>
    private let error: StoreError

    init(refusals: Int, error: StoreError = .file(.system(file: "ledger.sqlite", operation: "write", code: ENOSPC))) {
        state = Guarded((refusals, []))
        self.error = error
    }

    var batches: [JournalBatch] { state.withLock { $0.batches } }

    func commit(_ batch: JournalBatch) throws(StoreError) {
        let isRefused = state.withLock { state in
            if state.refusals > 0 {
                state.refusals -= 1
                return true
            }
            state.batches.append(batch)
            return false
        }
        if isRefused { throw error }
    }
}

struct JournalWriterTests {
    @Test("What is asked for in one turn is one transaction")
    func batches() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let sink = FailingSink(refusals: 0)
        let writer = try JournalWriter(loop: loop, sink: sink)
        var persisted: [UInt64] = []
        writer.onPersisted = { persisted += $0.map(\.value) }
        for ticket in 1...5 { writer.append(JournalBatch(tickets: [PersistTicket(UInt64(ticket))])) }
        loop.run(until: { persisted.count == 5 })
        #expect(persisted == [1, 2, 3, 4, 5])
        #expect(sink.batches.count == 1)
    }

    @Test("While commits fail nothing is reported as durable; afterwards everything is, in order")
    func retries() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let ticker = try LoopTimer(loop: loop)
        ticker.start(everyMilliseconds: 1) {}
        let sink = FailingSink(refusals: 3)
        let writer = try JournalWriter(loop: loop, sink: sink, retryMilliseconds: 1)
        var persisted: [UInt64] = []
        var failures: [Bool] = []
        writer.onPersisted = { persisted += $0.map(\.value) }
        writer.onFailure = { failures.append($0 != nil) }
        writer.append(JournalBatch(tickets: [PersistTicket(1)]))
        loop.run(until: { writer.failure != nil })
        #expect(persisted.isEmpty && sink.batches.isEmpty)
        writer.append(JournalBatch(tickets: [PersistTicket(2)]))
        loop.run(until: { persisted.count == 2 })
        #expect(persisted == [1, 2])
        #expect(failures == [true, false])
    }
}
