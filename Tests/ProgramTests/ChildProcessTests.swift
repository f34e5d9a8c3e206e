import Foundation
import System
import TestKit
import Testing

/// The tests' own way to run programs.
struct ChildProcessTests {
    @Test func anEndIsTold() throws {
        #expect(try ChildProcess("/bin/sh", ["-c", "exit 7"]).wait() == .exited(7))
        let sleeper = try ChildProcess("/bin/sleep", ["1000"])
        #expect(sleeper.isRunning)
        sleeper.send(SIGTERM)
        #expect(try sleeper.wait() == .signalled(SIGTERM))
    }

    @Test func aWaitHasADeadline() throws {
        let sleeper = try ChildProcess("/bin/sleep", ["1000"])
        #expect(throws: TestError.self) { try sleeper.wait(seconds: 0.01) }
    }

    @Test func aMissingProgramIsNamed() {
        let error = #expect(throws: TestError.self) { try ChildProcess("/no/such/program", []) }
        #expect(error?.description == "cannot start /no/such/program: No such file or directory")
    }

    @Test func itRunsInItsFolderWithItsEnvironment() throws {
        let result = try Command("/bin/sh", in: "/tmp", environment: ["GIVEN": "yes"])
            .run(["-c", "echo $GIVEN; pwd; echo wrong >&2"])
        #expect(result.status == 0)
        #expect(result.output == "yes\n/tmp\n")
        #expect(result.errors == "wrong\n")
    }

    @Test func itInheritsNoDescriptor() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let sleeper = try ChildProcess("/bin/sleep", ["1000"])
        close(ends[1])
        // A reader of a pipe is told of its end when no process can write into it any more.
        var reader = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&reader, 1, 60_000) == 1 && reader.revents & Int16(POLLHUP) != 0)
        #expect(sleeper.isRunning)
    }

    /// Two threads start programs at the same moments; some live on, and no end of the others waits for theirs.
    @Test func endsAreSeenWhileOthersLive() throws {
        let living = Guarded<[ChildProcess]>([])
        let failures = Guarded<[String]>([])
        let threads = Guarded(2)
        for _ in 0..<2 {
            Thread.detachNewThread {
                do {
                    for _ in 0..<100 {
                        let long = try ChildProcess("/bin/sleep", ["1000"])
                        living.withLock { $0.append(long) }
                        try ChildProcess("/bin/true", []).wait(seconds: 60)
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
                threads.withLock { $0 -= 1 }
            }
        }
        try Condition.wait(for: "both threads", seconds: 240) { threads.withLock { $0 == 0 } }
        #expect(failures.withLock { $0 } == [])
    }
}
