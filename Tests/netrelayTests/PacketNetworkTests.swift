import Testing

@testable import netrelay

struct PacketNetworkTests {
    private let there = Path(from: SiteIndex(0), to: SiteIndex(1))
    private let back = Path(from: SiteIndex(1), to: SiteIndex(0))

    private func network(
        delayMilliseconds: UInt64 = 0, lossPerMillion: UInt64 = 0, bitsPerSecond: UInt64 = 0, seed: UInt64 = 1
    ) -> PacketNetwork {
        var conditions = Conditions()
        conditions.delayMilliseconds = delayMilliseconds
        conditions.lossPerMillion = lossPerMillion
        conditions.bitsPerSecond = bitsPerSecond
        return PacketNetwork(paths: Paths(siteNames: ["a", "b", "c"]), conditions: conditions, seed: seed)
    }

    private func packet(_ path: Path, _ mark: Int = 0, bytes: Int = 100) -> PacketNetwork.Packet {
        var content = [UInt8](repeating: 0, count: max(bytes, 4))
        for shift in 0..<4 { content[shift] = UInt8(truncatingIfNeeded: mark >> (8 * shift)) }
        return PacketNetwork.Packet(path: path, bytes: content)
    }

    private func mark(_ packet: PacketNetwork.Packet) -> Int {
        (0..<4).reduce(0) { $0 | Int(packet.bytes[$1]) << (8 * $1) }
    }

    @Test func aPacketArrivesAfterTheDelayAndNotBefore() {
        var network = network(delayMilliseconds: 100)
        network.take(packet(there), at: 5)
        #expect(network.nextInstant == 100_000_005)
        #expect(network.deliveries(at: 100_000_004).isEmpty)
        #expect(network.deliveries(at: 100_000_005).count == 1)
        #expect(network.nextInstant == nil)
    }

    @Test func aLineCarriesItsRateAndDropsWhatItsQueueCannotHold() {
        // 8 Mbit/s: a packet of 1000 bytes takes a millisecond out, and another one in.
        var network = network(bitsPerSecond: 8_000_000)
        for index in 0..<3 { network.take(packet(there, index, bytes: 1000), at: 0) }
        var arrivals: [UInt64] = []
        while let next = network.nextInstant {
            for _ in network.deliveries(at: next) { arrivals.append(next) }
        }
        #expect(arrivals == [2_000_000, 3_000_000, 4_000_000])

        let late: UInt64 = 1_000_000_000
        for index in 0..<400 { network.take(packet(there, index, bytes: 1000), at: late) }
        let delivered = network.deliveries(at: 10 * late)
        #expect(delivered.count == 262)
        #expect(delivered.map(mark) == Array(0..<262))
        #expect(network.counts[there]?.packets[.crowdedOut] == 138)
    }

    @Test func sendersToOneSiteShareItsLine() {
        var network = network(bitsPerSecond: 8_000_000)
        for index in 0..<10 {
            network.take(packet(there, index, bytes: 1000), at: 0)
            network.take(packet(Path(from: SiteIndex(2), to: SiteIndex(1)), index, bytes: 1000), at: 0)
        }
        var last: UInt64 = 0
        while let next = network.nextInstant { if !network.deliveries(at: next).isEmpty { last = next } }
        #expect(last == 21_000_000)
    }

    @Test func whatIsLostFollowsFromTheSeed() {
        func lost(_ seed: UInt64, alsoBack: Bool = false) -> [Int] {
            var network = network(lossPerMillion: 10_000, seed: seed)
            for index in 0..<10_000 {
                network.take(packet(there, index), at: 0)
                if alsoBack { network.take(packet(back, index), at: 0) }
            }
            let arrived = Set(network.deliveries(at: 0).filter { $0.path == there }.map(mark))
            return (0..<10_000).filter { !arrived.contains($0) }
        }
        #expect(lost(1) == lost(1, alsoBack: true))
        #expect(lost(1) != lost(2))
        #expect((60...150).contains(lost(1).count))
    }

    @Test func aCutTakesOneDirectionOnly() throws {
        var network = network()
        _ = network.paths.perform(try Command("cut a b", siteNames: network.paths.siteNames))
        network.take(packet(there), at: 0)
        network.take(packet(back), at: 0)
        #expect(network.deliveries(at: 0).map(\.path) == [back])
        #expect(network.counts[there]?.packets == [.cut: 1])
        _ = network.paths.perform(try Command("heal * b", siteNames: network.paths.siteNames))
        network.take(packet(there), at: 0)
        #expect(network.deliveries(at: 0).map(\.path) == [there])
    }

    @Test func theSiteStandsInTheThirdByteOfTheAddress() {
        var bytes = [UInt8](repeating: 0, count: 20)
        bytes[0] = 0x45
        bytes.replaceSubrange(16..., with: [10, 78, 3, 9])
        #expect(PacketHeader.destination(of: bytes) == SiteIndex(2))
        #expect(PacketHeader.destination(of: bytes.dropLast()) == nil)
        bytes[0] = 0x60
        #expect(PacketHeader.destination(of: bytes) == nil)
    }

    /// A packet for no site of this network leads nowhere.
    @Test func aPathThatIsNoneCarriesNothing() {
        var network = network()
        network.take(packet(Path(from: SiteIndex(0), to: SiteIndex(0))), at: 0)
        network.take(packet(Path(from: SiteIndex(0), to: SiteIndex(77))), at: 0)
        #expect(network.nextInstant == nil)
    }
}

struct DeliveryQueueTests {
    @Test func givesByInstantAndWithinOneInOrder() {
        var queue = DeliveryQueue<Int>()
        let instants: [UInt64] = (0..<1000).map { ($0 * 7919) % 101 }
        for (index, instant) in instants.enumerated() { queue.insert(index, at: instant) }
        var given: [Int] = []
        while let (_, element) = queue.removeFirst(notAfter: 50) { given.append(element) }
        let expected = instants.indices.filter { instants[$0] <= 50 }
            .sorted { (instants[$0], $0) < (instants[$1], $1) }
        #expect(given == expected)
        #expect(queue.nextInstant == 51)
    }
}
