import CUV

/// A timer that fires on the loop's thread, once or again and again.
public final class LoopTimer: LoopHandle {
    private var handler: (() -> Void)?
    private var isRepeating = false

    /// A timer that does nothing until it is started.
    public init(loop: EventLoop) throws(LoopError) {
        try super.init(loop: loop, kind: UV_TIMER, what: "create a timer") { loop, raw in
            uv_timer_init(loop, raw.assumingMemoryBound(to: uv_timer_t.self))
        }
    }

    /// Whether it is due at some time.
    public var isArmed: Bool { !isClosing && uv_is_active(handle) != 0 }

    /// Fires once, no earlier than `milliseconds` from now. Starting again replaces what was set.
    public func start(afterMilliseconds milliseconds: UInt64, _ handler: @escaping () -> Void) {
        arm(milliseconds, repeatMilliseconds: 0, handler)
    }

    /// Fires once, no earlier than `instant`; at once where that has passed.
    public func start(at instant: MonotonicInstant, _ handler: @escaping () -> Void) {
        let nanoseconds = instant.nanoseconds(since: loop.now)
        // Rounded up: libuv counts whole milliseconds, and a timer is late rather than early.
        arm(nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1), repeatMilliseconds: 0, handler)
    }

    /// Fires each `milliseconds`, at least 1, the first time after as long.
    public func start(everyMilliseconds milliseconds: UInt64, _ handler: @escaping () -> Void) {
        precondition(milliseconds > 0, "a repeating timer has a period")
        arm(milliseconds, repeatMilliseconds: milliseconds, handler)
    }

    /// Disarms; the timer can be started again.
    public func cancel() {
        loop.checkThread()
        handler = nil
        guard !isClosing else { return }
        uv_timer_stop(timer)
    }

    private func arm(_ milliseconds: UInt64, repeatMilliseconds: UInt64, _ handler: @escaping () -> Void) {
        loop.checkThread()
        precondition(!isClosing, "a closed timer was started")
        self.handler = handler
        isRepeating = repeatMilliseconds > 0
        // The loop's cached time is that of the turn's start; without this a long callback makes timers early.
        uv_update_time(loop.pointer)
        uv_timer_start(
            timer, { raw in LoopHandle.owner(of: raw, as: LoopTimer.self)?.fire() }, milliseconds, repeatMilliseconds)
    }

    private func fire() {
        let handler = handler
        if !isRepeating { self.handler = nil }
        handler?()
    }

    override func willClose() { handler = nil }

    private var timer: UnsafeMutablePointer<uv_timer_t> { storage.assumingMemoryBound(to: uv_timer_t.self) }
}
