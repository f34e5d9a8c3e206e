import EventLoop

/// What host names led to: the last answer of the name service, and the address that a link stood on last.
struct HostAddresses {
    private struct Entry {
        /// With port 0: one name may be dialled at several ports.
        var addresses: [SocketAddress]
        /// The address of the last link.
        var good: SocketAddress?
        /// Where the next dial begins: a name with many addresses is tried through in several dials.
        var turn = 0
    }

    private var entries: [String: Entry] = [:]

    /// Notes what the name service answered.
    mutating func learned(_ addresses: [SocketAddress], of host: String) {
        let plain = addresses.map { $0.with(port: 0) }
        guard entries[host]?.addresses != plain else { return }
        let good = entries[host]?.good
        entries[host] = Entry(addresses: plain, good: good.flatMap { plain.contains($0) ? $0 : nil })
    }

    /// Notes that a link came about.
    ///
    /// - Parameter target: `host:port` as it was dialled.
    mutating func succeeded(_ address: SocketAddress, of target: String) {
        guard let (host, _) = SocketAddress.split(target), entries[host] != nil else { return }
        entries[host]?.good = address.with(port: 0)
    }

    /// The addresses to try in the next dial: the last good one, then others by turns. Empty if the name never led
    /// anywhere.
    mutating func nextAddresses(of host: String, port: UInt16) -> [SocketAddress] {
        guard let entry = entries[host], !entry.addresses.isEmpty else { return [] }
        let turn = entry.turn % entry.addresses.count
        var order = Array(entry.addresses[turn...] + entry.addresses[..<turn])
        if let good = entry.good {
            order.removeAll { $0 == good }
            order.insert(good, at: 0)
        }
        let taken = Array(order.prefix(TransportLimits.addressesPerDial))
        entries[host]?.turn = (turn + taken.count - (entry.good == nil ? 0 : 1)) % entry.addresses.count
        return taken.map { $0.with(port: port) }
    }

    /// Forgets names that nothing dials any more.
    mutating func retain(_ hosts: Set<String>) { entries = entries.filter { hosts.contains($0.key) } }
}
