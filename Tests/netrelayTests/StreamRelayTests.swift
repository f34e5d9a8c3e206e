import Glibc
import Testing

@testable import netrelay

/// Over real sockets of this machine; the relay takes a turn whenever the test looks again.
struct StreamRelayTests {
    private final class Wire {
        let relay: StreamRelay
        let client: Int32
        private let listener: Int32
        private(set) var server: Int32?

        init() throws {
            listener = try LoopbackSocket.listen(port: 0)
            let route = StreamRoute(
                path: Path(from: SiteIndex(0), to: SiteIndex(1)), listenPort: 0,
                targetPort: LoopbackSocket.port(of: listener))
            relay = try StreamRelay(paths: Paths(siteNames: ["a", "b"]), routes: [route])
            client = try LoopbackSocket.connect(port: relay.listenPorts[0])
        }

        deinit {
            close(client)
            close(listener)
            if let server { close(server) }
        }

        /// Takes turns until the condition holds; a hundred quiet turns are enough to know that it will not.
        func holds(_ condition: () -> Bool) throws -> Bool {
            for _ in 0..<100 {
                try relay.turn(timeoutMilliseconds: 10)
                if server == nil { server = LoopbackSocket.accept(listener) }
                if condition() { return true }
            }
            return false
        }

        /// Whether the text comes out of the socket, and nothing else.
        func brings(_ text: String, to descriptor: () -> Int32?) throws -> Bool {
            var found: [UInt8] = []
            return try holds {
                guard let descriptor = descriptor() else { return false }
                var buffer = [UInt8](repeating: 0, count: 100)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count > 0 { found += buffer[..<count] }
                return found == Array(text.utf8)
            }
        }

        func send(_ text: String, into descriptor: Int32) -> Bool {
            Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count
        }
    }

    @Test func carriesBothWaysAndPassesTheEndOn() throws {
        let wire = try Wire()
        #expect(try wire.holds { wire.server != nil })
        #expect(wire.send("ping", into: wire.client))
        #expect(try wire.brings("ping", to: { wire.server }))
        #expect(wire.send("pong", into: try #require(wire.server)))
        #expect(try wire.brings("pong", to: { wire.client }))
        #expect(wire.relay.carriedBytes[Path(from: SiteIndex(0), to: SiteIndex(1))] == 4)
        shutdown(wire.client, Int32(SHUT_RDWR))
        #expect(
            try wire.holds {
                var byte: UInt8 = 0
                return recv(wire.server!, &byte, 1, 0) == 0
            })
    }

    @Test func aCutHoldsOneDirectionBackUntilItIsHealed() throws {
        let wire = try Wire()
        #expect(try wire.holds { wire.server != nil })
        wire.relay.perform("cut a b")
        #expect(wire.send("one", into: wire.client))
        #expect(wire.send("two", into: try #require(wire.server)))
        #expect(try wire.brings("two", to: { wire.client }))
        #expect(try !wire.brings("one", to: { wire.server }))
        wire.relay.perform("heal a b")
        #expect(try wire.brings("one", to: { wire.server }))
    }

    @Test func aConnectionBegunInACutGoesOnWhenItIsHealed() throws {
        let wire = try Wire()
        wire.relay.perform("cut b a")
        #expect(wire.send("late", into: wire.client))
        #expect(try !wire.holds { wire.server != nil })
        wire.relay.perform("heal b a")
        #expect(try wire.brings("late", to: { wire.server }))
    }
}
