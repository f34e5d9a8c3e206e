import CUV
import System

/// Runs a closure on the loop's thread when another thread asks. Several asks before the loop gets to it are one.
public final class AsyncWakeup: LoopHandle {
    /// What other threads hold. Asking after the handle was closed does nothing.
    public final class Sender: Sendable {
        /// The address of the `uv_async_t`, nil from the handle's close on: the lock keeps a sender from touching a
        /// handle that is being freed.
        fileprivate let address = Guarded<UInt?>(nil)

        /// Asks the loop to run the closure; false where the handle is closed. May be called on any thread.
        @discardableResult
        public func wake() -> Bool {
            address.withLock { address in
                guard let address, let handle = UnsafeMutablePointer<uv_async_t>(bitPattern: address) else {
                    return false
                }
                uv_async_send(handle)
                return true
            }
        }
    }

    public let sender = Sender()
    private var handler: (() -> Void)?
    private var closeHandler: (() -> Void)?

    /// - Parameters:
    ///   - onClose: called once, when the handle begins to close, also by `EventLoop.close`.
    public init(loop: EventLoop, onClose: (() -> Void)? = nil, _ handler: @escaping () -> Void) throws(LoopError) {
        self.handler = handler
        closeHandler = onClose
        try super.init(loop: loop, kind: UV_ASYNC, what: "create a wakeup") { loop, raw in
            uv_async_init(
                loop, raw.assumingMemoryBound(to: uv_async_t.self),
                { raw in LoopHandle.owner(of: raw, as: AsyncWakeup.self)?.handler?() })
        }
        let address = UInt(bitPattern: storage)
        sender.address.withLock { $0 = address }
    }

    override func willClose() {
        sender.address.withLock { $0 = nil }
        handler = nil
        let closeHandler = closeHandler
        self.closeHandler = nil
        closeHandler?()
    }
}
