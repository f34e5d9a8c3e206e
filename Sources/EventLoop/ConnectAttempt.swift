import CUV

/// A connection that is being made. Its completion is called exactly once, on the loop's thread, never from inside the
/// call that started it.
public final class ConnectAttempt<Connection: ByteStream> {
    private let loop: EventLoop
    private let name: String
    private let state: ConnectState

    /// - Parameter begin: starts libuv's request on the connection's handle, or gives the status of its failure.
    init(
        connection: Connection, name: String, timeoutMilliseconds: UInt64,
        completion: @escaping (Result<Connection, LoopError>) -> Void,
        begin: (UnsafeMutablePointer<uv_connect_t>, @escaping uv_connect_cb) -> Int32
    ) throws(LoopError) {
        loop = connection.loop
        self.name = name
        let timer = try LoopTimer(loop: connection.loop)
        let state = ConnectState(stream: connection, timer: timer, name: name) { error in
            if let error { completion(.failure(error)) } else { completion(.success(connection)) }
        }
        self.state = state
        timer.start(afterMilliseconds: timeoutMilliseconds) {
            state.finish(.connectTimedOut(name, milliseconds: timeoutMilliseconds))
        }
        state.request.pointee.data = Unmanaged.passRetained(state).toOpaque()
        let status = begin(state.request) { request, status in
            guard let data = request?.pointee.data else { return }
            let state = Unmanaged<ConnectState>.fromOpaque(data).takeRetainedValue()
            state.finish(status == 0 ? nil : .connect(state.name, SystemErrorCode(status)))
        }
        if status != 0 {
            Unmanaged.passUnretained(state).release()
            connection.loop.atEndOfTurn { state.finish(.connect(name, SystemErrorCode(status))) }
        }
    }

    /// Gives up: the completion gets `LoopError.cancelled`, unless it was called already.
    public func cancel() {
        loop.checkThread()
        let state = state
        loop.atEndOfTurn { state.finish(.cancelled) }
    }
}

/// What libuv's callback, the timer and the caller share; whoever is first decides.
private final class ConnectState {
    let request: UnsafeMutablePointer<uv_connect_t>
    let name: String
    private let stream: ByteStream
    private let timer: LoopTimer
    private var completion: ((LoopError?) -> Void)?

    init(stream: ByteStream, timer: LoopTimer, name: String, completion: @escaping (LoopError?) -> Void) {
        self.stream = stream
        self.timer = timer
        self.name = name
        self.completion = completion
        request = .allocate(capacity: 1)
    }

    deinit { request.deallocate() }

    func finish(_ error: LoopError?) {
        guard let completion else { return }
        self.completion = nil
        timer.close()
        // Where the loop closed the stream under the request, libuv reports it as cancelled.
        let cancelled = error == .connect(name, .cancelled)
        if error != nil { stream.close() }
        completion(cancelled ? .cancelled : error)
    }
}
