import CUV
import Glibc

/// The resolution of one host name into addresses, in libuv's own threads.
public final class NameLookup {
    private let loop: EventLoop
    private let request: UnsafeMutablePointer<uv_getaddrinfo_t>
    private let host: String
    private let port: UInt16
    private var completion: ((Result<[SocketAddress], LoopError>) -> Void)?

    private init(
        loop: EventLoop, host: String, port: UInt16,
        completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) {
        self.loop = loop
        self.host = host
        self.port = port
        self.completion = completion
        request = .allocate(capacity: 1)
    }

    deinit { request.deallocate() }

    /// Resolves `host`, a name or a numeric address. `completion` is called once, in a later turn: with at least one
    /// address in the system's order of preference, with `LoopError.resolve`, or with `LoopError.cancelled`.
    @discardableResult
    public static func start(
        loop: EventLoop, host: String, port: UInt16,
        completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) -> NameLookup {
        loop.checkThread()
        let lookup = NameLookup(loop: loop, host: host, port: port, completion: completion)
        lookup.start()
        return lookup
    }

    /// Gives up: the completion gets `LoopError.cancelled`. A look-up that a thread works on already goes on unheard.
    public func cancel() {
        loop.checkThread()
        guard completion != nil else { return }
        request.withMemoryRebound(to: uv_req_t.self, capacity: 1) { _ = uv_cancel($0) }
        finish(.failure(.cancelled))
    }

    private func start() {
        guard !host.isEmpty, !host.utf8.contains(0) else { return fail(SystemErrorCode(UV_EAI_NONAME.rawValue)) }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = uv_getaddrinfo(
            loop.pointer, request,
            { request, status, list in
                guard let data = request?.pointee.data else { return }
                Unmanaged<NameLookup>.fromOpaque(data).takeRetainedValue().finished(status, list)
            }, host, nil, &hints)
        guard status == 0 else {
            Unmanaged.passUnretained(self).release()
            return fail(SystemErrorCode(status))
        }
        loop.lookups[ObjectIdentifier(self)] = self
    }

    private func fail(_ code: SystemErrorCode) {
        loop.atEndOfTurn { self.finish(.failure(.resolve(self.host, code))) }
    }

    private func finished(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        loop.lookups[ObjectIdentifier(self)] = nil
        defer { uv_freeaddrinfo(list) }
        guard status == 0 else { return finish(.failure(.resolve(host, SystemErrorCode(status)))) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry {
            if let raw = current.pointee.ai_addr, let address = SocketAddress(raw) {
                let complete = address.with(port: port)
                if !addresses.contains(complete) { addresses.append(complete) }
            }
            entry = current.pointee.ai_next
        }
        finish(
            addresses.isEmpty
                ? .failure(.resolve(host, SystemErrorCode(UV_EAI_NONAME.rawValue))) : .success(addresses))
    }

    private func finish(_ result: Result<[SocketAddress], LoopError>) {
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}
