import CUV
import Glibc
import System

/// The resolution of one host name into addresses.
///
/// Each look-up has a thread of its own: the system's resolver blocks for as long as a name service is silent, so look-ups
/// that shared threads would wait for each other. A look-up that takes too long fails; its thread ends whenever the
/// resolver gives up.
public final class NameLookup {
    /// What a resolver found for a name; the ports of the addresses are replaced.
    enum Answer: Sendable {
        case addresses([SocketAddress])
        case failure(SystemErrorCode)
    }

    /// Whose name it is. Names that others announce cannot take the threads that configured names need.
    public enum Origin: Sendable {
        case configured
        case announced

        var threadsMaximum: Int { self == .configured ? 256 : 128 }
    }

    /// How long a look-up may take unless the caller says otherwise.
    public static let timeoutMilliseconds: UInt64 = 5000
    /// Look-ups of one name whose threads have not ended: as many as a site may have addresses, which can differ by port alone.
    static let threadsPerHostMaximum = 8

    /// Threads that have not ended, by host.
    private static let threads = Guarded<[String: Int]>([:])

    private let host: String
    private let port: UInt16
    private let timeoutMilliseconds: UInt64
    private let slot = Guarded<Answer?>(nil)
    private var wakeup: AsyncWakeup?
    private var timer: LoopTimer?
    private var completion: ((Result<[SocketAddress], LoopError>) -> Void)?

    private init(
        host: String, port: UInt16, timeoutMilliseconds: UInt64,
        completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) {
        self.host = host
        self.port = port
        self.timeoutMilliseconds = timeoutMilliseconds
        self.completion = completion
    }

    /// Resolves `host`, a name or a numeric address. `completion` is called once, in a later turn: with at least one
    /// address in the system's order of preference, with `LoopError.resolve`, `.resolveTimedOut` or `.cancelled`.
    @discardableResult
    public static func start(
        loop: EventLoop, host: String, port: UInt16, origin: Origin = .configured,
        timeoutMilliseconds: UInt64 = NameLookup.timeoutMilliseconds,
        completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) -> NameLookup {
        start(
            loop: loop, host: host, port: port, origin: origin, timeoutMilliseconds: timeoutMilliseconds,
            resolver: NameLookup.systemResolver, completion: completion)
    }

    /// - Parameter resolver: blocks until it knows; runs on the look-up's thread.
    @discardableResult
    static func start(
        loop: EventLoop, host: String, port: UInt16, origin: Origin, timeoutMilliseconds: UInt64,
        resolver: @escaping @Sendable (String) -> Answer,
        completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) -> NameLookup {
        loop.checkThread()
        let lookup = NameLookup(
            host: host, port: port, timeoutMilliseconds: timeoutMilliseconds, completion: completion)
        do throws(LoopError) {
            try lookup.start(loop, origin, resolver)
        } catch {
            loop.atEndOfTurn { lookup.finish(.failure(error)) }
        }
        return lookup
    }

    /// Gives up: the completion gets `LoopError.cancelled`. A thread that works on it goes on unheard.
    public func cancel() { finish(.failure(.cancelled)) }

    private func start(
        _ loop: EventLoop, _ origin: Origin, _ resolver: @escaping @Sendable (String) -> Answer
    ) throws(LoopError) {
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw .resolve(host, SystemErrorCode(UV_EAI_NONAME.rawValue))
        }
        // A numeric address needs neither a name service nor a thread.
        if let address = try? SocketAddress(host: host, port: port) {
            return loop.atEndOfTurn { self.finish(.success([address])) }
        }
        guard NameLookup.takeThread(host, origin) else {
            // The name service has not answered about this name, or about very many others, for a long time.
            throw .resolveTimedOut(host, milliseconds: timeoutMilliseconds)
        }
        let slot = slot
        do throws(LoopError) {
            // The wakeup holds the look-up while it is open.
            let onClose = { self.finish(.failure(.cancelled)) }
            let wakeup = try AsyncWakeup(loop: loop, onClose: onClose) { self.answered() }
            self.wakeup = wakeup
            let timer = try LoopTimer(loop: loop)
            self.timer = timer
            timer.start(afterMilliseconds: timeoutMilliseconds) { [weak self] in
                guard let self else { return }
                self.finish(.failure(.resolveTimedOut(self.host, milliseconds: self.timeoutMilliseconds)))
            }
            let sender = wakeup.sender
            try DetachedThread.start("for a name look-up") { [host] in
                let answer = resolver(host)
                NameLookup.giveThread(host)
                slot.withLock { $0 = answer }
                sender.wake()
            }
        } catch {
            NameLookup.giveThread(host)
            throw error
        }
    }

    private func answered() {
        guard let answer = slot.withLock({ $0 }) else { return }
        switch answer {
        case .addresses(let addresses) where !addresses.isEmpty:
            finish(.success(addresses.map { $0.with(port: port) }))
        case .addresses: finish(.failure(.resolve(host, SystemErrorCode(UV_EAI_NONAME.rawValue))))
        case .failure(let code): finish(.failure(.resolve(host, code)))
        }
    }

    private func finish(_ result: Result<[SocketAddress], LoopError>) {
        guard let completion else { return }
        self.completion = nil
        timer?.close()
        wakeup?.close()
        timer = nil
        wakeup = nil
        completion(result)
    }

    // MARK: Threads

    private static func takeThread(_ host: String, _ origin: Origin) -> Bool {
        threads.withLock { threads in
            guard threads[host, default: 0] < threadsPerHostMaximum,
                threads.values.reduce(0, +) < origin.threadsMaximum
            else { return false }
            threads[host, default: 0] += 1
            return true
        }
    }

    private static func giveThread(_ host: String) {
        threads.withLock { threads in
            guard let count = threads[host] else { return }
            threads[host] = count > 1 ? count - 1 : nil
        }
    }

    /// AI_IDN of netdb.h, a GNU extension: encodes a name that is not ASCII (RFC 5891).
    private static let internationalName: Int32 = 0x40

    /// The system's resolver: files, DNS, whatever nsswitch.conf names.
    private static let systemResolver: @Sendable (String) -> Answer = { host in
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        if host.utf8.contains(where: { $0 >= 0x80 }) { hints.ai_flags = NameLookup.internationalName }
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard status == 0 else { return .failure(code(ofResolver: status)) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry {
            if let raw = current.pointee.ai_addr, let address = SocketAddress(raw), !addresses.contains(address) {
                addresses.append(address)
            }
            entry = current.pointee.ai_next
        }
        return .addresses(addresses)
    }

    /// libuv's number for an error of getaddrinfo(3).
    private static func code(ofResolver status: Int32) -> SystemErrorCode {
        switch status {
        case EAI_AGAIN: SystemErrorCode(UV_EAI_AGAIN.rawValue)
        case EAI_FAIL: SystemErrorCode(UV_EAI_FAIL.rawValue)
        case EAI_FAMILY: SystemErrorCode(UV_EAI_FAMILY.rawValue)
        case EAI_MEMORY: SystemErrorCode(UV_EAI_MEMORY.rawValue)
        case EAI_SERVICE: SystemErrorCode(UV_EAI_SERVICE.rawValue)
        case EAI_SYSTEM: SystemErrorCode(errno: errno)
        default: SystemErrorCode(UV_EAI_NONAME.rawValue)
        }
    }
}
