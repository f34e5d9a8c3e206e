import Glibc

/// Carries TCP connections between daemons of one machine, for whoever has no network namespaces. Each pair of sites has a
/// port of its own, so that it is known who speaks to whom.
///
/// A path that is cut carries nothing: what was on its way waits, as it does in a sender whose packets are lost, and
/// neither side learns of it. A connection begun meanwhile goes on once both ways are whole again.
final class StreamRelay {
    private(set) var paths: Paths
    /// Bytes carried, by path.
    private(set) var carriedBytes: [Path: UInt64] = [:]
    private(set) var connectionCount = 0
    private let listeners: [(descriptor: Int32, route: StreamRoute)]
    private var connections: [Connection] = []
    private var control: ControlPipe?

    /// - Throws: where a port cannot be had.
    init(paths: Paths, routes: [StreamRoute], control: ControlPipe? = nil) throws(RelayError) {
        self.paths = paths
        self.control = control
        var listeners: [(Int32, StreamRoute)] = []
        for route in routes { listeners.append((try LoopbackSocket.listen(port: route.listenPort), route)) }
        self.listeners = listeners
    }

    deinit {
        for connection in connections { connection.close() }
        for listener in listeners { close(listener.descriptor) }
    }

    var listenPorts: [UInt16] { listeners.map { LoopbackSocket.port(of: $0.descriptor) } }

    /// Runs until the process is ended.
    func run() throws(RelayError) { while true { try turn(timeoutMilliseconds: -1) } }

    /// Waits for something to do, at most so long, and does it.
    func turn(timeoutMilliseconds: Int32) throws(RelayError) {
        var entries = listeners.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        if let control { entries.append(pollfd(fd: control.descriptor, events: Int16(POLLIN), revents: 0)) }
        for connection in connections { connection.addInterests(to: &entries, paths) }
        guard poll(&entries, nfds_t(entries.count), timeoutMilliseconds) >= 0 || errno == EINTR else {
            throw RelayError("poll", errno)
        }
        for line in control?.lines() ?? [] { perform(line) }
        for listener in listeners {
            while let descriptor = LoopbackSocket.accept(listener.descriptor) {
                connections.append(Connection(client: descriptor, route: listener.route))
                connectionCount += 1
            }
        }
        for connection in connections {
            for (path, count) in connection.carry(paths) { carriedBytes[path, default: 0] += UInt64(count) }
        }
        connections.removeAll { $0.isClosed }
    }

    func perform(_ line: String) {
        do throws(Command.Failure) {
            let command = try Command(line, siteNames: paths.siteNames)
            if command == .report {
                for path in carriedBytes.keys.sorted() {
                    say("\(paths.name(of: path.from)) \(paths.name(of: path.to)) bytes=\(carriedBytes[path]!)")
                }
            }
            _ = paths.perform(command)
            say("done: \(line)")
        } catch {
            say("refused: \(error)")
        }
    }
}

/// One connection through the relay: the one that was accepted, and the one that was made for it.
private final class Connection {
    private let client: Int32
    private var target: Int32?
    private let route: StreamRoute
    /// What was read and not yet written, there and back.
    private var outward: [UInt8] = []
    private var inward: [UInt8] = []
    private(set) var isClosed = false

    private static let readBytes = 1 << 16

    init(client: Int32, route: StreamRoute) {
        self.client = client
        self.route = route
    }

    private var back: Path { Path(from: route.path.to, to: route.path.from) }

    func addInterests(to entries: inout [pollfd], _ paths: Paths) {
        guard let target else { return }
        func add(_ source: Int32, _ destination: Int32, _ waiting: [UInt8], _ path: Path) {
            guard !paths.isCut(path) else { return }
            if waiting.isEmpty {
                entries.append(pollfd(fd: source, events: Int16(POLLIN), revents: 0))
            } else {
                entries.append(pollfd(fd: destination, events: Int16(POLLOUT), revents: 0))
            }
        }
        add(client, target, outward, route.path)
        add(target, client, inward, back)
    }

    /// Carries what can be carried now; says how many bytes each way.
    func carry(_ paths: Paths) -> [(Path, Int)] {
        if target == nil {
            // The handshake of TCP needs both ways.
            guard !paths.isCut(route.path), !paths.isCut(back) else { return [] }
            target = try? LoopbackSocket.connect(port: route.targetPort)
        }
        guard let target else {
            close()
            return []
        }
        var carried: [(Path, Int)] = []
        if !paths.isCut(route.path) { carried.append((route.path, move(from: client, to: target, &outward))) }
        if !isClosed, !paths.isCut(back) { carried.append((back, move(from: target, to: client, &inward))) }
        return carried
    }

    private func move(from source: Int32, to destination: Int32, _ waiting: inout [UInt8]) -> Int {
        var moved = 0
        while true {
            if waiting.isEmpty {
                var buffer = [UInt8](repeating: 0, count: Connection.readBytes)
                let count = recv(source, &buffer, buffer.count, 0)
                guard count > 0 else {
                    if count == 0 || !Connection.isPassing(errno) { close() }
                    return moved
                }
                waiting = Array(buffer[..<count])
            }
            let count = send(destination, waiting, waiting.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else {
                if !Connection.isPassing(errno) { close() }
                return moved
            }
            moved += count
            waiting.removeFirst(count)
        }
    }

    private static func isPassing(_ code: Int32) -> Bool { code == EAGAIN || code == EINTR }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(client)
        if let target { Glibc.close(target) }
    }
}
