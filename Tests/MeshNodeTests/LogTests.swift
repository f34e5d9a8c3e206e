import Testing

@testable import MeshNode

struct LogLimiterTests {
    @Test("The same message is written five times per minute, and the next one says how many were left out")
    func limitsRepetition() {
        var limiter = LogLimiter()
        let decisions = (0..<1000).map { limiter.decide("refused", place: "a:1", now: UInt64($0)) }
        #expect(decisions.prefix(5).allSatisfy { $0 == .write })
        #expect(decisions.dropFirst(5).allSatisfy { $0 == .suppress })
        #expect(limiter.suppressedCount == 995)
        let next = limiter.decide("refused", place: "a:1", now: 60_000)
        let second = limiter.decide("refused", place: "a:1", now: 60_001)
        #expect(next == .writeAfter(suppressed: 995) && second == .write)
    }

    @Test("A message that varies a number is limited by its place in the program")
    func limitsPlace() {
        var limiter = LogLimiter()
        let written = (0..<10_000).filter {
            limiter.decide("refused from port \($0)", place: "a:1", now: UInt64($0 / 100)) != .suppress
        }.count
        #expect(written >= 200 && written <= 210)
        // Another place is not affected.
        let other = limiter.decide("version 7", place: "b:2", now: 100)
        #expect(other == .write)
        // A second later, twenty more.
        let later = (0..<100).map { limiter.decide("refused from port x\($0)", place: "a:1", now: 1100) }
        #expect((20...21).contains(later.filter { $0 != .suppress }.count))
        #expect(later.first != .write, "the first one says how many were left out")
    }

    @Test("Different messages in a flood take bounded memory, and steady messages are all written")
    func boundsMemory() {
        var limiter = LogLimiter()
        for index in 0..<100_000 {
            _ = limiter.decide("version \(index)", place: "a:\(index % 10)", now: UInt64(index) * 100)
        }
        #expect(limiter.suppressedCount == 0)
        #expect(limiter.rememberedCount <= LogLimiter.messagesMaximum)
    }
}

struct LogOutputTests {
    @Test("A message from a peer stays on one line and cannot drive a terminal")
    func escapesControls() {
        #expect(LogOutput.printable("a\nb\u{1b}[2Jc\u{202e}d") == "a\\nb\\u{1b}[2Jc\\u{202e}d")
        #expect(LogOutput.printable("Zürich – 0.5") == "Zürich – 0.5")
        #expect(LogOutput.printable(String(repeating: "x", count: 100_000)).utf8.count <= 8200)
    }

    @Test("The time is written alike in every locale") func writesTime() throws {
        let time = LogOutput.timestamp()
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }
}
