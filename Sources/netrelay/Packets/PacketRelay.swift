import Glibc

/// Carries packets between the TUN devices of sites, as a `PacketNetwork` decides.
struct PacketRelay {
    private var network: PacketNetwork
    private let devices: [TunnelDevice]
    private var control: ControlPipe
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(network: PacketNetwork, devices: [TunnelDevice], control: ControlPipe) {
        self.network = network
        self.devices = devices
        self.control = control
    }

    /// Runs until the process is ended.
    mutating func run() throws(RelayError) {
        var entries = (devices.map(\.descriptor) + [control.descriptor])
            .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            guard poll(&entries, nfds_t(entries.count), timeoutMilliseconds) >= 0 || errno == EINTR else {
                throw RelayError("poll", errno)
            }
            for index in devices.indices { receive(at: index) }
            for line in control.lines() { perform(line) }
            for packet in network.deliveries(at: monotonicNanoseconds()) {
                // A device that is down or full loses the packet, as a wire would.
                _ = packet.bytes.withUnsafeBytes {
                    write(devices[packet.path.to.value].descriptor, $0.baseAddress!, $0.count)
                }
            }
        }
    }

    private var timeoutMilliseconds: Int32 {
        guard let next = network.nextInstant else { return -1 }
        let now = monotonicNanoseconds()
        return next <= now ? 0 : Int32(min((next - now) / 1_000_000 + 1, 1000))
    }

    private mutating func receive(at index: Int) {
        while true {
            let count = read(devices[index].descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            let bytes = Array(buffer[..<count])
            guard let destination = PacketHeader.destination(of: bytes) else { continue }
            let path = Path(from: SiteIndex(index), to: destination)
            network.take(PacketNetwork.Packet(path: path, bytes: bytes), at: monotonicNanoseconds())
        }
    }

    private mutating func perform(_ line: String) {
        do throws(Command.Failure) {
            let command = try Command(line, siteNames: network.paths.siteNames)
            if command == .report { for line in network.report { say(line) } }
            _ = network.paths.perform(command)
            say("done: \(line)")
        } catch {
            say("refused: \(error)")
        }
    }
}
