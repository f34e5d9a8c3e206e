import Glibc
import System
import Testing

@testable import EventLoop

@Suite struct ConnectTests {
    @Test func aPortInUseIsNamed() throws {
        try withLoop { loop in
            let first = try TCPListener(loop: loop, address: .loopback(port: 0)) { $0.close() }
            let address = try #require(first.localAddress)
            #expect(throws: LoopError.bind(address.description, .addressInUse)) {
                try TCPListener(loop: loop, address: address) { $0.close() }
            }
        }
    }

    @Test func aRefusedConnectionIsNamed() throws {
        try withLoop { loop in
            let listener = try TCPListener(loop: loop, address: .loopback(port: 0)) { $0.close() }
            let address = try #require(listener.localAddress)
            listener.close()
            try run(loop, until: { listener.isClosing })
            var results: [LoopError?] = []
            try TCPConnection.connect(loop: loop, to: address, timeoutMilliseconds: 30000) { result in
                results.append(result.error)
            }
            try run(loop, until: { !results.isEmpty })
            loop.run()
            #expect(results == [.connect(address.description, .connectionRefused)])
        }
    }

    @Test func anAttemptWithoutTimeFailsWithTheTimeItHad() throws {
        try withLoop { loop in
            // A listener that never accepts and whose backlog is full leaves further attempts unanswered.
            let idle = try EventLoop()
            defer { idle.close() }
            let listener = try TCPListener(loop: idle, address: .loopback(port: 0), backlog: 1) { $0.close() }
            let address = try #require(listener.localAddress)
            var errors: [LoopError] = []
            var connected = 0
            for _ in 0..<8 {
                try TCPConnection.connect(loop: loop, to: address, timeoutMilliseconds: 50) { result in
                    if let error = result.error { errors.append(error) } else { connected += 1 }
                }
            }
            try run(loop, until: { errors.count + connected == 8 })
            #expect(!errors.isEmpty)
            #expect(errors.allSatisfy { $0 == .connectTimedOut(address.description, milliseconds: 50) })
        }
    }

    @Test func aCancelledAttemptReportsOnce() throws {
        try withLoop { loop in
            let listener = try TCPListener(loop: loop, address: .loopback(port: 0)) { $0.close() }
            let address = try #require(listener.localAddress)
            var errors: [LoopError?] = []
            let attempt = try TCPConnection.connect(loop: loop, to: address, timeoutMilliseconds: 30000) {
                errors.append($0.error)
            }
            attempt.cancel()
            attempt.cancel()
            listener.close()
            loop.run()
            #expect(errors == [.cancelled])
        }
    }

    @Test func aLoopThatClosesCancelsAttemptsAndLookups() throws {
        let loop = try EventLoop()
        let listener = try TCPListener(loop: loop, address: .loopback(port: 0)) { $0.close() }
        var errors: [LoopError?] = []
        try TCPConnection.connect(
            loop: loop, to: try #require(listener.localAddress), timeoutMilliseconds: 30000
        ) { errors.append($0.error) }
        NameLookup.start(loop: loop, host: "localhost", port: 1) { errors.append($0.error) }
        // These two report at the end of a turn, which here is one of the close's own.
        var emptyName: [LoopError?] = []
        NameLookup.start(loop: loop, host: "", port: 1) { emptyName.append($0.error) }
        let attempt = try TCPConnection.connect(loop: loop, to: .loopback(port: 1), timeoutMilliseconds: 30000) {
            errors.append($0.error)
        }
        attempt.cancel()
        loop.close()
        #expect(errors == [.cancelled, .cancelled, .cancelled])
        #expect(emptyName.count == 1)
    }

    @Test(arguments: ["127.0.0.1:0", "192.0.2.7:65535", "[::1]:7700", "[2001:db8::5]:1"])
    func addressesReadBackAsTheyAreWritten(text: String) throws {
        #expect(try SocketAddress(parsing: text).description == text)
    }

    @Test(arguments: [
        "", "7700", ":7700", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80",
        "[::1]", "[]:1", "256.0.0.1:1", "example.org:1", "127.0.0.1\u{0}:1", "[::1\u{0}x]:1", "127.0.0.1:٣",
    ])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(throws: LoopError.invalidAddress(text)) { try SocketAddress(parsing: text) }
    }

    @Test func hostAndPortAreSplit() throws {
        let name = try #require(SocketAddress.split("node.example.org:7700"))
        #expect(name == ("node.example.org", 7700))
        let six = try #require(SocketAddress.split("[::1]:7"))
        #expect(six == ("::1", 7))
    }

    @Test func aNumericHostResolvesToItself() throws {
        try withLoop { loop in
            var result: Result<[SocketAddress], LoopError>?
            NameLookup.start(loop: loop, host: "127.0.0.1", port: 99) { result = $0 }
            loop.run()
            #expect(result == .success([SocketAddress.loopback(port: 99)]))
        }
    }

    @Test(arguments: ["", "no such host", "a\u{0}b"]) func anUnresolvableNameIsNamed(host: String) throws {
        try withLoop { loop in
            var errors: [LoopError?] = []
            NameLookup.start(loop: loop, host: host, port: 1) { errors.append($0.error) }
            #expect(errors.isEmpty)
            loop.run()
            #expect(errors.count == 1)
            guard case .resolve(host, _) = errors.first else {
                Issue.record("unexpected \(errors)")
                return
            }
        }
    }
}

/// A name service that answers `good` and keeps every other name waiting until it is released.
private final class SlowResolver: Sendable {
    private let isReleased = Guarded(false)

    func release() {
        isReleased.withLock { $0 = true }
        isReleased.wake(all: true)
    }

    var resolve: @Sendable (String) -> NameLookup.Answer {
        { [isReleased] host in
            if host.hasPrefix("good") { return .addresses([.loopback(port: 0)]) }
            return isReleased.wait { $0 ? .failure(.cancelled) : nil }
        }
    }
}

/// One at a time: the number of threads is bounded for the whole process.
@Suite(.serialized) struct SlowNameTests {
    private func start(
        _ loop: EventLoop, _ host: String, _ resolver: SlowResolver, origin: NameLookup.Origin = .configured,
        timeoutMilliseconds: UInt64 = 60_000, _ completion: @escaping (Result<[SocketAddress], LoopError>) -> Void
    ) {
        NameLookup.start(
            loop: loop, host: host, port: 7, origin: origin, timeoutMilliseconds: timeoutMilliseconds,
            resolver: resolver.resolve, completion: completion)
    }

    @Test("Names whose service is silent delay no other name") func isolates() throws {
        let resolver = SlowResolver()
        defer { resolver.release() }
        try withLoop { loop in
            var silent = 0
            for index in 0..<40 { start(loop, "isolated\(index)", resolver) { _ in silent += 1 } }
            var result: Result<[SocketAddress], LoopError>?
            start(loop, "good.isolated", resolver) { result = $0 }
            try run(loop, until: { result != nil })
            #expect(result == .success([.loopback(port: 7)]))
            #expect(silent == 0)
        }
    }

    @Test("A look-up ends in its time, and a name that is stuck takes no more threads") func endsInTime() throws {
        let resolver = SlowResolver()
        defer { resolver.release() }
        try withLoop { loop in
            var errors: [LoopError?] = []
            for _ in 0..<10 { start(loop, "stuck", resolver, timeoutMilliseconds: 1) { errors.append($0.error) } }
            try run(loop, until: { errors.count == 10 })
            #expect(errors.allSatisfy { $0 == .resolveTimedOut("stuck", milliseconds: 1) })
        }
    }

    @Test("Announced names cannot take the threads that configured names need") func keepsThreads() throws {
        let resolver = SlowResolver()
        defer { resolver.release() }
        try withLoop { loop in
            var refused = 0
            for index in 0..<300 {
                start(loop, "announced\(index)", resolver, origin: .announced) { _ in refused += 1 }
            }
            var result: Result<[SocketAddress], LoopError>?
            start(loop, "good.configured", resolver) { result = $0 }
            try run(loop, until: { result != nil && refused >= 172 })
            #expect(result == .success([.loopback(port: 7)]))
        }
    }
}

extension Result {
    var error: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
