import System
import Testing

@testable import EventLoop

@Suite struct ThreadTests {
    @Test func aWakeupFromAnotherThreadRunsOnTheLoop() throws {
        try withLoop { loop in
            var wakes = 0
            let wakeup = try AsyncWakeup(loop: loop) { wakes += 1 }
            let sender = wakeup.sender
            let pool = try WorkerPool(loop: loop, threads: 1)
            pool.submit({ sender.wake() }) { #expect($0) }
            try run(loop, until: { wakes > 0 && pool.outstanding == 0 })
            wakeup.close()
            #expect(!sender.wake())
        }
    }

    @Test(arguments: [1, 2, 5]) func aMailboxDeliversEachThreadsValuesInOrderAndOnce(threads: Int) throws {
        try withLoop { loop in
            let count = 2000
            var received: [[Int]] = Array(repeating: [], count: threads)
            let mailbox = try LoopMailbox<(Int, Int)>(loop: loop) { received[$0.0].append($0.1) }
            let sender = mailbox.sender
            let pool = try WorkerPool(loop: loop, threads: threads)
            for thread in 0..<threads {
                pool.submit({ for value in 0..<count { sender.post((thread, value)) } }) {}
            }
            try run(loop, until: { received.allSatisfy { $0.count == count } })
            #expect(received.allSatisfy { $0 == Array(0..<count) })
            mailbox.close()
            #expect(!sender.post((0, 0)))
        }
    }

    @Test func aMailboxClosedByItsHandlerDeliversNoMore() throws {
        try withLoop { loop in
            var received: [Int] = []
            var mailbox: LoopMailbox<Int>?
            mailbox = try LoopMailbox<Int>(loop: loop) { value in
                received.append(value)
                if value == 2 { mailbox?.close() }
            }
            for value in 1...5 { mailbox?.sender.post(value) }
            loop.run()
            #expect(received == [1, 2])
        }
    }

    @Test(arguments: [1, 2, 5]) func aPoolRunsEveryJobAndReturnsEachValueToItsCompletion(threads: Int) throws {
        try withLoop { loop in
            let pool = try WorkerPool(loop: loop, threads: threads)
            var squares: [Int: Int] = [:]
            for value in 0..<500 {
                pool.submit({ value * value }) { squares[value] = $0 }
            }
            #expect(pool.outstanding == 500)
            loop.run()
            #expect(pool.outstanding == 0)
            #expect(squares.count == 500)
            #expect(squares.allSatisfy { $0.value == $0.key * $0.key })
        }
    }

    @Test func aPoolNeverRunsMoreJobsAtOnceThanItHasThreads() throws {
        try withLoop { loop in
            let running = Guarded((now: 0, most: 0))
            let pool = try WorkerPool(loop: loop, threads: 3)
            for _ in 0..<200 {
                pool.submit({
                    running.withLock {
                        $0.now += 1
                        $0.most = max($0.most, $0.now)
                    }
                    running.withLock { $0.now -= 1 }
                }) {}
            }
            loop.run()
            #expect(running.withLock { $0.most } <= 3)
            #expect(running.withLock { $0.now } == 0)
        }
    }

    @Test func aSerialWorkerReportsInTheOrderOfSubmission() throws {
        try withLoop { loop in
            let worker = try SerialWorker(loop: loop)
            var order: [Int] = []
            for value in 0..<300 { worker.submit({ value }) { order.append($0) } }
            var ended = false
            worker.shutdown(.drain) { ended = true }
            loop.run()
            #expect(order == Array(0..<300))
            #expect(ended)
        }
    }

    @Test func anAbandonedPoolDropsWaitingJobsAndCallsNoCompletion() throws {
        try withLoop { loop in
            let started = Guarded(0)
            let gate = Guarded(false)
            let pool = try WorkerPool(loop: loop, threads: 1)
            var completions = 0
            pool.submit({
                started.withLock { $0 += 1 }
                started.wake(all: true)
                _ = gate.wait { $0 ? true : nil }
            }) { _ in completions += 1 }
            for _ in 0..<50 { pool.submit({ started.withLock { $0 += 1 } }) { completions += 1 } }
            // The first job is running for certain before the pool ends.
            _ = started.wait { $0 > 0 ? true : nil }
            var ended = false
            pool.shutdown(.abandon) { ended = true }
            gate.withLock { $0 = true }
            gate.wake(all: true)
            loop.run()
            #expect(ended)
            #expect(started.withLock { $0 } == 1)
            #expect(completions == 0)
        }
    }

    @Test func closingTheLoopEndsThePoolsThreads() throws {
        let loop = try EventLoop()
        let finished = Guarded(0)
        let pool = try WorkerPool(loop: loop, threads: 2)
        for _ in 0..<20 { pool.submit({ finished.withLock { $0 += 1 } }, completion: {}) }
        loop.close()
        let count = finished.withLock { $0 }
        #expect(count <= 20)
        #expect(pool.outstanding == 0)
    }
}
