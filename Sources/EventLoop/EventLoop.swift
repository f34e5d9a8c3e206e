import CUV
import Glibc

/// One libuv loop and the thread that owns it.
///
/// The loop belongs to the thread that created it: every method of it and of its handles traps on any other thread, so
/// the protocol state that lives in its callbacks needs no locks. Other threads reach it through `AsyncWakeup.Sender`
/// and `LoopMailbox.Sender` only.
///
/// A turn is one pass of libuv: due timers, then sockets. What `atEndOfTurn` collected runs after the callbacks of a
/// turn and before the loop waits again; bytes that streams collected in the turn are written right after it.
public final class EventLoop {
    let pointer: UnsafeMutablePointer<uv_loop_t>
    /// Where all streams of this loop read to: libuv asks for a buffer, reads and reports without a pause between.
    let readBuffer: UnsafeMutableRawBufferPointer

    private let owner = pthread_self()
    private let prepare: UnsafeMutablePointer<uv_prepare_t>
    private let check: UnsafeMutablePointer<uv_check_t>
    private var turnTasks: [() -> Void] = []
    private var unflushedStreams: [ByteStream] = []
    private var isRunning = false
    private(set) var isClosed = false

    /// - Throws: `LoopError.operation` where the process has no file descriptors left.
    public init() throws(LoopError) {
        EventLoop.ignoreBrokenPipes
        pointer = .allocate(capacity: 1)
        prepare = .allocate(capacity: 1)
        check = .allocate(capacity: 1)
        readBuffer = .allocate(byteCount: 65536, alignment: 64)
        let status = uv_loop_init(pointer)
        guard status == 0 else {
            isClosed = true
            release()
            throw .operation("create an event loop", SystemErrorCode(status))
        }
        let unretained = Unmanaged.passUnretained(self).toOpaque()
        uv_loop_set_data(pointer, unretained)
        uv_prepare_init(pointer, prepare)
        uv_check_init(pointer, check)
        // `close` tells the handles of owners from these two by their data.
        prepare.pointee.data = nil
        check.pointee.data = nil
        uv_prepare_start(prepare) { handle in EventLoop.of(handle!.pointee.loop).endTurn() }
        uv_check_start(check) { handle in EventLoop.of(handle!.pointee.loop).endTurn() }
        EventLoop.setReference(prepare, false)
        EventLoop.setReference(check, false)
    }

    deinit {
        precondition(isClosed, "an EventLoop is closed before it is dropped")
    }

    /// Runs until `stop` or until no handle keeps the loop alive.
    public func run() {
        checkThread()
        precondition(!isRunning && !isClosed, "an EventLoop runs once at a time, and not after its close")
        isRunning = true
        uv_run(pointer, UV_RUN_DEFAULT)
        isRunning = false
    }

    /// Runs turn by turn until `condition` holds; false where the loop ran out of handles, or was stopped, before.
    @discardableResult
    public func run(until condition: () -> Bool) -> Bool {
        checkThread()
        precondition(!isRunning && !isClosed, "an EventLoop runs once at a time, and not after its close")
        isRunning = true
        defer { isRunning = false }
        while !condition() {
            if uv_run(pointer, UV_RUN_ONCE) == 0 { return condition() }
        }
        return true
    }

    /// Lets the present turn end, then `run` returns.
    public func stop() {
        checkThread()
        uv_stop(pointer)
    }

    /// Counts up at least once per turn of the loop, and never between callbacks of one phase: all that one poll of the
    /// sockets brings has one number.
    public private(set) var turn: UInt64 = 0

    /// The monotonic time now, read from the clock at each call.
    public var now: MonotonicInstant { MonotonicInstant.now() }

    /// Runs `task` once, after the callbacks of this turn and before the loop waits again. Tasks that a task adds run
    /// in the same turn.
    public func atEndOfTurn(_ task: @escaping () -> Void) {
        checkThread()
        turnTasks.append(task)
        EventLoop.setReference(prepare, true)
    }

    /// Closes every handle that is still open, runs their last callbacks, and insists that nothing is left.
    ///
    /// Streams report `CloseReason.closedHere`, name look-ups `LoopError.cancelled`.
    public func close() {
        checkThread()
        precondition(!isRunning, "an EventLoop is not closed from its own callbacks: stop it first")
        guard !isClosed else { return }
        isRunning = true
        // The last callbacks may open handles again (a reconnect, say), so this is repeated until they do not.
        var rounds = 0
        while closeOwnedHandles() || uv_run(pointer, UV_RUN_ONCE) != 0 || closeOwnedHandles() {
            rounds += 1
            precondition(rounds < 100_000, "callbacks keep opening handles while the event loop closes")
        }
        isRunning = false
        EventLoop.closeRaw(prepare)
        EventLoop.closeRaw(check)
        uv_run(pointer, UV_RUN_DEFAULT)
        let status = uv_loop_close(pointer)
        precondition(status == 0, "handles were left open on an event loop")
        isClosed = true
        release()
    }

    /// Traps unless called on the thread that owns the loop.
    func checkThread() {
        precondition(pthread_equal(owner, pthread_self()) != 0, "an event loop was used from a thread not its own")
    }

    /// Asks for `ByteStream.flush` at the end of this turn.
    func flushAtEndOfTurn(_ stream: ByteStream) {
        unflushedStreams.append(stream)
        EventLoop.setReference(prepare, true)
    }

    private func endTurn() {
        turn += 1
        var done = 0
        while done < turnTasks.count {
            turnTasks[done]()
            done += 1
        }
        turnTasks.removeAll(keepingCapacity: true)
        let streams = unflushedStreams
        unflushedStreams.removeAll(keepingCapacity: true)
        for stream in streams { stream.flush() }
        // A flush starts requests, and those keep the loop alive by themselves.
        if turnTasks.isEmpty && unflushedStreams.isEmpty { EventLoop.setReference(prepare, false) }
    }

    /// Begins to close every handle with an owner; false where there was none left to close.
    private func closeOwnedHandles() -> Bool {
        var hasClosed = false
        uv_walk(
            pointer,
            { handle, hasClosed in
                guard let handle, uv_is_closing(handle) == 0, let data = uv_handle_get_data(handle) else { return }
                Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue().close()
                hasClosed?.storeBytes(of: true, as: Bool.self)
            }, &hasClosed)
        return hasClosed
    }

    private func release() {
        pointer.deallocate()
        prepare.deallocate()
        check.deallocate()
        readBuffer.deallocate()
    }

    private static func of(_ pointer: UnsafeMutablePointer<uv_loop_t>) -> EventLoop {
        Unmanaged<EventLoop>.fromOpaque(uv_loop_get_data(pointer)).takeUnretainedValue()
    }

    private static func setReference<Handle>(_ handle: UnsafeMutablePointer<Handle>, _ keepsAlive: Bool) {
        handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { keepsAlive ? uv_ref($0) : uv_unref($0) }
    }

    private static func closeRaw<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
        handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_close($0, nil) }
    }

    /// A write to a socket whose peer is gone reports EPIPE; it does not end the process.
    private static let ignoreBrokenPipes: Void = {
        signal(SIGPIPE, SIG_IGN)
    }()
}
