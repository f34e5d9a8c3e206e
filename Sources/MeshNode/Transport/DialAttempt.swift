import EventLoop

/// One dial of a target: the addresses that it leads to, tried one after the other, whether the connection or the
/// handshake fails.
struct DialAttempt {
    let target: Dialer.Target
    /// The address that is being tried.
    private(set) var current: SocketAddress?
    /// Whether an address refused the keys that this site began with.
    private(set) var isRefused = false
    private var remaining: [SocketAddress]
    private var errors: [String]
    private var isLeadingHere = false

    /// - Parameter errors: what went wrong before the first address was tried.
    init(_ target: Dialer.Target, addresses: [SocketAddress], errors: [String] = []) {
        self.target = target
        self.errors = errors
        remaining = Array(addresses.prefix(TransportLimits.addressesPerDial))
    }

    /// Takes the next address; nil if none is left.
    mutating func next() -> SocketAddress? {
        current = remaining.isEmpty ? nil : remaining.removeFirst()
        return current
    }

    /// Notes why the present address gave no link.
    mutating func failed(_ error: String, isRefused: Bool = false) {
        errors.append(isNumeric ? error : "\(current?.description ?? "") \(error)")
        if isRefused { self.isRefused = true }
    }

    /// Notes that the present address leads back to this site.
    mutating func ledHere() { isLeadingHere = true }

    /// Whether every address that was tried leads back to this site.
    var leadsHereOnly: Bool { isLeadingHere && errors.isEmpty }

    /// What went wrong at each address, in the order in which they were tried.
    var error: String { errors.isEmpty ? "has no address" : errors.joined(separator: "; ") }

    /// For the log: the target, with the address that is being tried if it has a name.
    var name: String {
        guard !isNumeric, let current else { return target.address }
        return "\(target.address) at \(current)"
    }

    private var isNumeric: Bool { (try? SocketAddress(parsing: target.address)) != nil }
}
