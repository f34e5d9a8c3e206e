import Crypto
import EventLoop
import Ledger

/// Asks many addresses at once who they are.
final class PeerProber {
    private let loop: EventLoop
    private let network: NetworkID
    private let members: [Member]
    private let ownLinkKey: LinkPublicKey?
    /// What came since a side of another network was asked which.
    private var hints: [Int: [UInt8]] = [:]
    private var findings: [ProbeFinding?]
    private var open: [Int: (connection: TCPConnection, timer: LoopTimer, handshake: ProbeHandshake)] = [:]

    static let connectMilliseconds: UInt64 = 3_000
    static let answerMilliseconds: UInt64 = 3_000

    private init(count: Int, network: NetworkID, members: [Member], ownLinkKey: LinkPublicKey?) throws(LoopError) {
        loop = try EventLoop()
        self.members = members
        self.network = network
        self.ownLinkKey = ownLinkKey
        findings = Array(repeating: nil, count: count)
    }

    /// What each address is, in their order.
    ///
    /// - Parameter members: who may answer; of several with one id the first counts.
    static func probe(
        _ addresses: [String], network: NetworkID, members: [Member], ownLinkKey: LinkPublicKey?
    ) throws -> [ProbeFinding] {
        guard !addresses.isEmpty else { return [] }
        do throws(LoopError) {
            let prober = try PeerProber(
                count: addresses.count, network: network, members: members, ownLinkKey: ownLinkKey)
            for (index, address) in addresses.enumerated() { prober.resolve(index, address) }
            _ = prober.loop.run(until: { prober.findings.allSatisfy { $0 != nil } })
            prober.loop.close()
            return prober.findings.map { $0 ?? .silent }
        } catch {
            throw Failure(error.description)
        }
    }

    private func resolve(_ index: Int, _ address: String) {
        guard let (host, port) = SocketAddress.split(address) else {
            findings[index] = .unresolved("\"\(address)\" is not host:port")
            return
        }
        NameLookup.start(loop: loop, host: host, port: port) { [self] result in
            switch result {
            case .success(let addresses): connect(index, addresses[...])
            case .failure(.resolve(_, let code)): findings[index] = .unresolved("\(code)")
            case .failure(let error): findings[index] = .unresolved("\(error)")
            }
        }
    }

    /// Tries the addresses of a name in the system's order.
    private func connect(_ index: Int, _ addresses: ArraySlice<SocketAddress>) {
        guard let address = addresses.first else { return }
        let rest = addresses.dropFirst()
        do throws(LoopError) {
            try TCPConnection.connect(
                loop: loop, to: address, timeoutMilliseconds: PeerProber.connectMilliseconds
            ) { [self] result in
                switch result {
                case .success(let connection): ask(index, connection)
                case .failure(let error):
                    if rest.isEmpty {
                        findings[index] = .unreachable(PeerProber.words(error))
                    } else {
                        connect(index, rest)
                    }
                }
            }
        } catch {
            findings[index] = .unreachable(PeerProber.words(error))
        }
    }

    private func ask(_ index: Int, _ connection: TCPConnection) {
        var handshake = ProbeHandshake(
            network: network, members: members, ownLinkKey: ownLinkKey, staticSecret: .random(count: 32),
            ephemeralSecret: .random(count: 32))
        guard let first = try? handshake.start(), let timer = try? LoopTimer(loop: loop) else {
            connection.close()
            findings[index] = .silent
            return
        }
        open[index] = (connection, timer, handshake)
        connection.onBytes = { [self] bytes in
            if hints[index] != nil { return received(hint: bytes, index) }
            guard let finding = open[index]?.handshake.receive(bytes) else { return }
            guard finding == .otherNetwork(nil) else { return settle(index, finding) }
            hints[index] = []
            connection.write(NetworkHint(network: network).frame)
        }
        connection.onClosed = { [self] _ in settle(index, hints[index] == nil ? .closedEarly : .otherNetwork(nil)) }
        timer.start(afterMilliseconds: PeerProber.answerMilliseconds) { [self] in
            settle(index, hints[index] == nil ? .silent : .otherNetwork(nil))
        }
        connection.startReading()
        connection.write(first)
    }

    /// The other side's word for its network.
    private func received(hint bytes: some Sequence<UInt8>, _ index: Int) {
        hints[index, default: []] += bytes
        let (isOpen, hint) = NetworkHint.read(hints[index] ?? [])
        if !isOpen { settle(index, .otherNetwork(hint?.network)) }
    }

    private func settle(_ index: Int, _ finding: ProbeFinding) {
        guard let entry = open.removeValue(forKey: index) else { return }
        findings[index] = finding
        entry.timer.close()
        entry.connection.close()
    }

    private static func words(_ error: LoopError) -> String {
        switch error {
        case .connect(_, let code): "\(code)"
        case .connectTimedOut(_, let milliseconds): "no answer within \(milliseconds) ms"
        default: error.description
        }
    }
}
