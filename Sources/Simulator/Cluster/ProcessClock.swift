import Gossip
import Link

/// A process' monotonic clock: it may leap ahead or stand still, and never goes back.
struct ProcessClock {
    /// What it reads at the cluster's beginning, in milliseconds: no two lives count from the same start.
    private var offset: UInt64
    /// The last time that it stood still.
    private var pause: Range<UInt64> = 0..<0

    init(start: UInt64) { offset = start }

    func reading(at time: SimulatedTime) -> Instant {
        let now = time.milliseconds
        let lost = now <= pause.lowerBound ? 0 : min(now, pause.upperBound) - pause.lowerBound
        return Instant(milliseconds: offset + now - lost)
    }

    /// When it reads `instant`, as far as is known now; long ago where that is past.
    func time(of instant: Instant) -> SimulatedTime {
        guard instant.milliseconds > offset else { return .zero }
        let unpaused = instant.milliseconds - offset
        let lost = unpaused > pause.lowerBound ? UInt64(pause.count) : 0
        return SimulatedTime(milliseconds: unpaused + lost)
    }

    mutating func leap(milliseconds: UInt64) { offset += milliseconds }

    /// Stands still from `time` on. Nothing where it does already.
    mutating func pause(from time: SimulatedTime, milliseconds: UInt64) {
        let now = time.milliseconds
        guard now >= pause.upperBound else { return }
        offset -= min(offset, UInt64(pause.count))
        pause = now..<now + milliseconds
    }
}
