import Testing

@testable import EventLoop

@Suite struct StreamTests {
    @Test(arguments: ["127.0.0.1", "::1"]) func bytesArriveInOrderBothWays(host: String) throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop, host: host)
            let atServer = Collector(server)
            let atClient = Collector(client)
            let up = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let down = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
            client.write(up)
            server.write(down)
            try run(loop, until: { atServer.bytes.count == up.count && atClient.bytes.count == down.count })
            #expect(atServer.bytes == up)
            #expect(atClient.bytes == down)
            #expect(server.receivedBytes == UInt64(up.count))
            #expect(server.writtenBytes == UInt64(down.count))
            #expect(client.peerAddress == server.localAddress)
        }
    }

    @Test func smallWritesOfATurnGoOutTogether() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            var deliveries = 0
            var count = 0
            server.onBytes = {
                deliveries += 1
                count += $0.count
            }
            server.startReading()
            for value in 0..<1000 { client.write([UInt8(truncatingIfNeeded: value), 1, 2, 3]) }
            #expect(client.pendingBytes == 4000)
            try run(loop, until: { count == 4000 })
            // One write of 4,000 bytes over loopback is one segment.
            #expect(deliveries == 1)
            #expect(client.pendingBytes == 0)
        }
    }

    @Test func theEndOfTheOtherSideIsReportedOnceWithItsReason() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            let atServer = Collector(server)
            let atClient = Collector(client)
            client.write([1, 2, 3])
            client.closeAfterWrites()
            client.write([4])
            try run(loop, until: { !atServer.reasons.isEmpty && !atClient.reasons.isEmpty })
            #expect(atServer.bytes == [1, 2, 3])
            #expect(atServer.reasons == [.endOfStream])
            #expect(atClient.reasons == [.closedHere])
            #expect(client.localAddress == nil)
        }
    }

    @Test func closeAfterWritesDeliversAllThatWaits() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            client.write(payload)
            client.closeAfterWrites()
            let atServer = Collector(server)
            try run(loop, until: { !atServer.reasons.isEmpty })
            #expect(atServer.bytes == payload)
        }
    }

    @Test func closeIsReportedNotFromInsideTheCallAndOnlyOnce() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            let atClient = Collector(client)
            client.write([UInt8](repeating: 1, count: 100))
            client.close()
            client.close()
            #expect(atClient.reasons.isEmpty)
            try run(loop, until: { !atClient.reasons.isEmpty })
            #expect(atClient.reasons == [.closedHere])
            server.close()
        }
    }

    @Test func aBrokenConnectionIsReportedAsFailed() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            // Unread bytes at close make the system send a reset.
            client.write([UInt8](repeating: 1, count: 1000))
            var sent = false
            loop.atEndOfTurn { sent = true }
            try run(loop, until: { sent && client.pendingBytes == 0 })
            let atClient = Collector(client)
            server.close()
            try run(loop, until: { !atClient.reasons.isEmpty })
            #expect(atClient.reasons == [.failed(.connectionReset)])
        }
    }

    @Test func theSystemTakesLittleAheadOfTheLineWhereItIsToldSo() throws {
        try withLoop { loop in
            let (limitedReader, limited) = try connectedPair(loop)
            let (freeReader, free) = try connectedPair(loop)
            #expect(limited.setUnsentLimit(bytes: 1 << 14))
            let bytes = [UInt8](repeating: 5, count: 8 << 20)
            // Nobody reads: what a system has taken lies in its buffer, or in that of the other side.
            limited.write(bytes)
            free.write(bytes)
            try run(loop, until: { bytes.count - free.pendingBytes > 1 << 19 })
            #expect(bytes.count - limited.pendingBytes < 1 << 18)
            let atReader = Collector(limitedReader)
            try run(loop, until: { atReader.bytes.count == bytes.count })
            freeReader.close()
            free.close()
            limited.close()
            #expect(!limited.setUnsentLimit(bytes: 1 << 14))
        }
    }

    @Test func aSlowReaderRaisesTheHighWaterSignalAndDrainingEndsIt() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            client.highWaterBytes = 1 << 20
            var drained = 0
            client.onDrained = { drained += 1 }
            let chunk = [UInt8](repeating: 9, count: 1 << 20)
            var written = 0
            while !client.isAboveHighWater {
                client.write(chunk)
                written += chunk.count
            }
            #expect(client.pendingBytes > client.highWaterBytes)
            let atServer = Collector(server)
            try run(loop, until: { drained > 0 && atServer.bytes.count == written })
            #expect(drained == 1)
            #expect(!client.isAboveHighWater)
        }
    }

    @Test func aPausedReaderGetsNothingUntilItGoesOn() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            let atServer = Collector(server)
            client.write([1])
            try run(loop, until: { atServer.bytes == [1] })
            server.pauseReading()
            client.write([2])
            // A second connection's round trip lets the loop turn while the byte lies there.
            let (other, otherClient) = try connectedPair(loop)
            let atOther = Collector(other)
            otherClient.write([3])
            try run(loop, until: { atOther.bytes == [3] })
            #expect(atServer.bytes == [1])
            server.startReading()
            try run(loop, until: { atServer.bytes == [1, 2] })
        }
    }

    @Test func aStreamClosedByItsOwnReadCallbackDeliversNoMore() throws {
        try withLoop { loop in
            let (server, client) = try connectedPair(loop)
            var deliveries = 0
            var reasons: [CloseReason] = []
            server.onBytes = { _ in
                deliveries += 1
                server.close()
            }
            server.onClosed = { reasons.append($0) }
            server.startReading()
            client.write([UInt8](repeating: 0, count: 500_000))
            try run(loop, until: { !reasons.isEmpty })
            #expect(deliveries == 1)
            #expect(reasons == [.closedHere])
        }
    }

    @Test func keepAliveAndNoDelayAreTaken() throws {
        try withLoop { loop in
            let (_, client) = try connectedPair(loop)
            #expect(client.setKeepAlive(idleSeconds: 30))
            #expect(client.setKeepAlive(idleSeconds: nil))
            #expect(client.setNoDelay(false))
            client.close()
            #expect(!client.setNoDelay(true))
        }
    }
}
