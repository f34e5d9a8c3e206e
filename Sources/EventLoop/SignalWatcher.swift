import CUV
import Glibc

/// Hears one signal of the process on the loop's thread instead of the signal's default action. Does not keep the loop
/// alive by itself.
public final class SignalWatcher: LoopHandle {
    /// The signals that a daemon or a tool answers to.
    public enum Signal: Sendable {
        /// SIGTERM: a service manager asks for an orderly end.
        case terminate
        /// SIGINT: a person pressed control-C.
        case interrupt
        /// SIGHUP: the terminal is gone.
        case hangUp
        /// SIGQUIT: a person pressed control-\\.
        case quit
        /// SIGXCPU: the processor time that the account may use is spent.
        case processorTime

        var number: Int32 {
            switch self {
            case .terminate: SIGTERM
            case .interrupt: SIGINT
            case .hangUp: SIGHUP
            case .quit: SIGQUIT
            case .processorTime: SIGXCPU
            }
        }

        /// Whether whoever started this process had it ignore the signal, as `nohup` does for SIGHUP.
        public var isIgnored: Bool {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0 else { return false }
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
        }
    }

    private var handler: (() -> Void)?

    public init(loop: EventLoop, signal: Signal, _ handler: @escaping () -> Void) throws(LoopError) {
        self.handler = handler
        try super.init(loop: loop, kind: UV_SIGNAL, what: "watch a signal") { loop, raw in
            uv_signal_init(loop, raw.assumingMemoryBound(to: uv_signal_t.self))
        }
        let status = uv_signal_start(
            storage.assumingMemoryBound(to: uv_signal_t.self),
            { raw, _ in LoopHandle.owner(of: raw, as: SignalWatcher.self)?.handler?() }, signal.number)
        keepsLoopAlive = false
        guard status == 0 else {
            close()
            throw .operation("watch signal \(signal.number)", SystemErrorCode(status))
        }
    }

    override func willClose() { handler = nil }
}
