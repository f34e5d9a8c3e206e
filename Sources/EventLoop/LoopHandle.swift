import CUV

/// One libuv handle on the heap and the object that owns it.
///
/// The handle keeps its owner alive from its creation to its close callback, so an owner that is still open may be
/// dropped by everybody else and goes on working. It ends by `close`, or by `EventLoop.close`.
public class LoopHandle {
    public let loop: EventLoop
    let storage: UnsafeMutableRawPointer
    /// True from the first `close` on.
    public private(set) var isClosing = false

    /// - Parameter initialise: libuv's `uv_…_init` for `kind`; its status is checked.
    init(
        loop: EventLoop, kind: uv_handle_type, what: String,
        initialise: (UnsafeMutablePointer<uv_loop_t>, UnsafeMutableRawPointer) -> Int32
    ) throws(LoopError) {
        loop.checkThread()
        self.loop = loop
        storage = .allocate(byteCount: uv_handle_size(kind), alignment: 16)
        let status = initialise(loop.pointer, storage)
        guard status == 0 else {
            storage.deallocate()
            throw .operation(what, SystemErrorCode(status))
        }
        uv_handle_set_data(handle, Unmanaged.passRetained(self).toOpaque())
    }

    /// Whether the loop runs on for this handle's sake while it is active.
    public final var keepsLoopAlive: Bool {
        get { !isClosing && uv_has_ref(handle) != 0 }
        set {
            loop.checkThread()
            guard !isClosing else { return }
            if newValue { uv_ref(handle) } else { uv_unref(handle) }
        }
    }

    /// Ends the handle. Its last callbacks come in a later part of the loop's turn, never from inside this call.
    /// Closing twice is closing once.
    public func close() {
        loop.checkThread()
        guard !isClosing else { return }
        isClosing = true
        willClose()
        uv_close(handle) { raw in
            guard let raw, let data = uv_handle_get_data(raw) else { return }
            let owner = Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
            owner.didClose()
            owner.storage.deallocate()
        }
    }

    /// Called once, before libuv closes.
    func willClose() {}

    /// Called once, after libuv closed; `storage` is still there, and no callback comes after it.
    func didClose() {}

    final var handle: UnsafeMutablePointer<uv_handle_t> { storage.assumingMemoryBound(to: uv_handle_t.self) }

    /// The owner behind a callback's handle.
    static func owner<Handle, Owner: LoopHandle>(of handle: UnsafeMutablePointer<Handle>?, as type: Owner.Type)
        -> Owner?
    {
        guard let handle,
            let data = uv_handle_get_data(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self))
        else { return nil }
        return Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue() as? Owner
    }
}
