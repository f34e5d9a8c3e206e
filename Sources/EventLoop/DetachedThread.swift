import CUV
import Glibc

/// A thread that nobody waits for: for calls of the system that may block as long as they like.
enum DetachedThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread.
    ///
    /// - Parameter purpose: for the error, after "start a thread".
    static func start(_ purpose: String, _ body: @escaping @Sendable () -> Void) throws(LoopError) {
        let argument = Unmanaged.passRetained(Body(body))
        var thread = uv_thread_t()
        let status = uv_thread_create(
            &thread,
            { raw in
                guard let raw else { return }
                Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            throw .operation("start a thread \(purpose)", SystemErrorCode(status))
        }
        pthread_detach(thread)
    }
}
