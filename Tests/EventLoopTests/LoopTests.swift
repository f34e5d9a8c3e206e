import Glibc
import Testing

@testable import EventLoop

@Suite struct LoopTests {
    @Test func aLoopWithoutHandlesReturnsAtOnce() throws {
        try withLoop { $0.run() }
    }

    @Test func oneShotTimersFireInOrderOfTheirTimeAndNeverEarly() throws {
        try withLoop { loop in
            var fired: [Int] = []
            let start = loop.now
            for delay in [20, 1, 10] {
                let timer = try LoopTimer(loop: loop)
                timer.start(afterMilliseconds: UInt64(delay)) {
                    #expect(loop.now.nanoseconds(since: start) >= UInt64(delay) * 1_000_000 - 1_000_000)
                    fired.append(delay)
                    timer.close()
                }
            }
            loop.run()
            #expect(fired == [1, 10, 20])
        }
    }

    @Test func aTimerForAnInstantIsNotEarly() throws {
        try withLoop { loop in
            let timer = try LoopTimer(loop: loop)
            let due = loop.now.advanced(milliseconds: 3)
            var seen: MonotonicInstant?
            timer.start(at: due) {
                seen = loop.now
                timer.close()
            }
            loop.run()
            #expect(try #require(seen).advanced(milliseconds: 1) >= due)
        }
    }

    @Test func aRepeatingTimerFiresUntilItIsCancelled() throws {
        try withLoop { loop in
            let timer = try LoopTimer(loop: loop)
            var count = 0
            timer.start(everyMilliseconds: 1) {
                count += 1
                if count == 5 { timer.cancel() }
            }
            loop.run()
            #expect(count == 5)
            #expect(!timer.isArmed)
        }
    }

    @Test func stopEndsARunThatHasWorkLeft() throws {
        try withLoop { loop in
            let timer = try LoopTimer(loop: loop)
            timer.start(everyMilliseconds: 1) { loop.stop() }
            loop.run()
            #expect(timer.isArmed)
        }
    }

    @Test func tasksAtTheEndOfATurnRunOnceAndTheirOwnTasksToo() throws {
        try withLoop { loop in
            var order: [String] = []
            loop.atEndOfTurn {
                order.append("first")
                loop.atEndOfTurn { order.append("second") }
            }
            loop.run()
            #expect(order == ["first", "second"])
        }
    }

    @Test func closingTheLoopClosesWhatIsOpen() throws {
        let loop = try EventLoop()
        var reasons: [CloseReason] = []
        let (server, client) = try connectedPair(loop)
        for stream in [server, client] {
            stream.onClosed = { reasons.append($0) }
            stream.startReading()
        }
        let timer = try LoopTimer(loop: loop)
        timer.start(everyMilliseconds: 1) {}
        loop.close()
        #expect(reasons == [.closedHere, .closedHere])
        #expect(timer.isClosing)
    }

    @Test func handlesThatTheLastCallbacksOpenAreClosedToo() throws {
        let loop = try EventLoop()
        let (server, client) = try connectedPair(loop)
        var timer: LoopTimer?
        client.onClosed = { _ in
            timer = try? LoopTimer(loop: loop)
            timer?.start(everyMilliseconds: 1) {}
        }
        loop.close()
        #expect(server.isClosing)
        #expect(timer?.isClosing == true)
    }

    @Test func aSignalOfTheProcessReachesTheLoop() throws {
        try withLoop { loop in
            var count = 0
            let watcher = try SignalWatcher(loop: loop, signal: .hangUp) { count += 1 }
            kill(getpid(), SIGHUP)
            try run(loop, until: { count == 1 })
            watcher.close()
        }
    }

    @Test func instantsSaturateAndNeverGoNegative() {
        let late = MonotonicInstant(nanoseconds: .max - 5)
        #expect(late.advanced(milliseconds: 1).nanoseconds == .max)
        #expect(late.advanced(milliseconds: .max).nanoseconds == .max)
        #expect(MonotonicInstant(nanoseconds: 3).nanoseconds(since: late) == 0)
        #expect(MonotonicInstant(nanoseconds: 2_999_999).milliseconds == 2)
    }

    @Test func useFromAnotherThreadTraps() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            nonisolated(unsafe) let shared = loop
            let pool = try WorkerPool(loop: loop, threads: 1)
            pool.submit({ shared.stop() }, completion: {})
            loop.run()
        }
    }
}
