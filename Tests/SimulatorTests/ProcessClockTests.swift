import Gossip
import Link
import Testing

@testable import Simulator

struct ProcessClockTests {
    private func time(_ milliseconds: UInt64) -> SimulatedTime { SimulatedTime(milliseconds: milliseconds) }

    @Test func aLeapIsSeenAtOnceAndForEver() {
        var clock = ProcessClock(start: 1_000)
        #expect(clock.reading(at: time(5)).milliseconds == 1_005)
        clock.leap(milliseconds: 100)
        #expect(clock.reading(at: time(5)).milliseconds == 1_105)
        #expect(clock.time(of: Instant(milliseconds: 1_110)) == time(10))
    }

    @Test func aPausedClockGoesOnWhereItStood() {
        var clock = ProcessClock(start: 1_000)
        clock.pause(from: time(10), milliseconds: 20)
        #expect([10, 20, 30, 31].map { clock.reading(at: time($0)).milliseconds } == [1_010, 1_010, 1_010, 1_011])
        #expect(clock.time(of: Instant(milliseconds: 1_011)) == time(31))
        clock.pause(from: time(40), milliseconds: 5)
        #expect([40, 45, 50].map { clock.reading(at: time($0)).milliseconds } == [1_020, 1_020, 1_025])
    }

    /// Whatever happens to it, it never goes back.
    @Test func itNeverGoesBack() {
        var clock = ProcessClock(start: 50)
        var last = clock.reading(at: .zero)
        for now in UInt64(0)..<500 {
            if now % 37 == 0 { clock.pause(from: time(now), milliseconds: 20) }
            if now % 51 == 0 { clock.leap(milliseconds: 7) }
            let reading = clock.reading(at: time(now))
            #expect(reading >= last)
            last = reading
        }
    }
}
