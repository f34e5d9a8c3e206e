import ArgumentParser
import Program

/// A bad network for tests: stands between daemons that know nothing of it. Never part of a mesh.
@main
struct NetworkRelay: Program {
    static let configuration = CommandConfiguration(
        commandName: "netrelay",
        abstract: "A bad network for tests: delay, loss, rate and cuts between daemons.",
        discussion: """
            Commands come on the control pipe, one a line: 'cut FROM TO', 'heal FROM TO', where * stands for every site, \
            and 'report'. Each is answered on standard output.
            """,
        subcommands: [PacketsCommand.self, StreamsCommand.self])
}

struct PacketsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packets",
        abstract: "Carries IPv4 packets between TUN devices, one a site (root).",
        discussion: """
            The k-th site, from 1, has the addresses 10.78.k.0/24, and the device PREFIXk, which may be moved to a \
            network namespace once 'ready' is written.
            """)

    @Option(help: "The sites' names, separated by commas.")
    var sites: String
    @Option(help: "What the devices' names begin with; at most 12 bytes.")
    var prefix: String
    @Option(help: "An existing named pipe.")
    var control: String
    @Option(help: "Which packets are lost follows from it.")
    var seed: UInt64 = 1
    @Option(help: "Of every path, one way.")
    var delayMilliseconds: UInt64 = 0
    @Option(help: "How many of a million packets are lost.")
    var lossPerMillion: UInt64 = 0
    @Option(help: "Of every site's line, each direction; 0 for no limit.")
    var kilobitsPerSecond: UInt64 = 0

    func validate() throws {
        let names = sites.split(separator: ",")
        guard (2...64).contains(names.count), Set(names).count == names.count else {
            throw ValidationError("--sites takes 2 to 64 names that differ")
        }
        guard (1...12).contains(prefix.utf8.count) else { throw ValidationError("--prefix has 1 to 12 bytes") }
        guard delayMilliseconds <= 60_000, lossPerMillion <= 1_000_000, kilobitsPerSecond <= 100_000_000 else {
            throw ValidationError("at most 60000 ms, 1000000 of a million, 100000000 kbit/s")
        }
    }

    func run() throws {
        let names = sites.split(separator: ",").map(String.init)
        var conditions = Conditions()
        conditions.delayMilliseconds = delayMilliseconds
        conditions.lossPerMillion = lossPerMillion
        conditions.bitsPerSecond = kilobitsPerSecond * 1000
        var devices: [TunnelDevice] = []
        for index in names.indices { devices.append(try TunnelDevice(name: "\(prefix)\(index + 1)")) }
        let network = PacketNetwork(paths: Paths(siteNames: names), conditions: conditions, seed: seed)
        var relay = PacketRelay(network: network, devices: devices, control: try ControlPipe(path: control))
        say("ready")
        try relay.run()
    }
}

struct StreamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "streams",
        abstract: "Carries TCP connections between daemons on this machine, a port for each pair of sites.")

    @Option(help: "The sites' names, separated by commas.")
    var sites: String
    @Option(help: "An existing named pipe.")
    var control: String
    @Argument(help: "FROM:TO:LISTEN:TARGET, ports of 127.0.0.1.")
    var routes: [String]

    func run() throws {
        let names = sites.split(separator: ",").map(String.init)
        let routes = try routes.map { text in
            guard let route = StreamRoute(text, siteNames: names) else { throw ValidationError("no route: \(text)") }
            return route
        }
        let relay = try StreamRelay(
            paths: Paths(siteNames: names), routes: routes, control: try ControlPipe(path: control))
        say("ready")
        try relay.run()
    }
}
