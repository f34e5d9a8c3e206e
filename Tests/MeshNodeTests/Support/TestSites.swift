import Crypto
import EventLoop
import Foundation
import Gossip
import Ledger
import Logging
import Rounds
import System
import Tensor
import Testing

@testable import MeshNode
@testable import SiteFiles

/// The files of a mesh in a folder of its own, and daemons of it on one loop of this thread.
final class TestSites {
    let folder: String
    let genesis: Genesis
    let layout: ParameterLayout
    let names: [String]
    let operatorKeys: [MemberID: SigningKey]
    let ports: [UInt16]
    let loop: EventLoop
    private(set) var daemons: [Int: Daemon] = [:]
    private var random = SeededRandom.system()

    /// What contributions name, ascending.
    var dataSets: [Digest] = []
    var roundDeadlineMilliseconds: UInt64 = 1000
    /// Which sites have version 0's model directory.
    var hasModel: (Int) -> Bool = { _ in true }
    /// What a site's invitation names.
    var expected: [Int: (height: Height?, version: VersionDigest)] = [:]
    private let ownsLoop: Bool

    /// - Parameter loop: another mesh's loop, to run two of them on one thread.
    init(
        _ names: [String], parameters: Int = 5_000, rules: Rules = Rules(), loop other: EventLoop? = nil
    ) throws {
        self.names = names
        ownsLoop = other == nil
        var random = SeededRandom.system()
        folder = "/tmp/meshnode-" + String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 16)
        loop = try other ?? EventLoop()
        layout = try ParameterLayout([("weights", [parameters])])
        let values = ParameterArray((0..<parameters).map { Float($0 % 89) / 89 })
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try SafetensorsFile.write(values, layout: layout, to: folder + "/model.safetensors")
        var listeners: [TCPListener] = []
        for _ in names {
            listeners.append(try TCPListener(loop: loop, address: .loopback(port: 0)) { $0.close() })
        }
        ports = listeners.compactMap { $0.localAddress?.port }
        for listener in listeners { listener.close() }
        var founders: [(Member, SigningKey)] = []
        for name in names { founders.append(try TestSites.makeKeys(folder + "/" + name, name, &random)) }
        genesis = Genesis(
            nonce: Digest(bytes: random.secret(count: 32).withUnsafeBytes { Array($0) })!,
            members: try MemberSet(members: founders.map(\.0)), rules: rules,
            tensors: [Ledger.TensorShape(name: "weights", shape: [UInt64(parameters)])], attachments: [],
            roots: StateRoots(
                founding: try ParameterFile.tree(of: values).root, parameterCount: UInt64(parameters),
                rules.innerOptimizer))
        operatorKeys = Dictionary(uniqueKeysWithValues: founders.map { ($0.0.id, $0.1) })
        let file = GenesisFile(
            genesis: genesis,
            signatures: founders.map { [genesis] in
                GenesisSignature(genesis: genesis, signer: $0.0.id, operatorKey: $0.1)
            })
        try Data(file.encoded).write(to: URL(fileURLWithPath: folder + "/genesis"))
    }

    private static func makeKeys(
        _ folder: String, _ name: String, _ random: inout SeededRandom
    ) throws -> (Member, SigningKey) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let operatorKey = SigningKey(seed: random.secret(count: 32))
        let (node, link) = (random.secret(count: 32), random.secret(count: 32))
        try KeyFile(kind: .nodeKey, secret: node, path: folder + "/node.key", random: &random).store()
        try KeyFile(kind: .linkKey, secret: link, path: folder + "/link.key", random: &random).store()
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: name,
            operatorKey: operatorKey.verifyingKey, nodeKey: SigningKey(seed: node).verifyingKey,
            linkKey: LinkKey(secret: link).publicKey, keyEpoch: 0)
        return (member, operatorKey)
    }

    func state(_ index: Int) -> String { folder + "/" + names[index] + "/state" }

    func configuration(_ index: Int) -> SiteFiles.Configuration {
        let own = folder + "/" + names[index]
        var timing = Timing()
        timing.roundDeadline = roundDeadlineMilliseconds
        timing.graceMinimum = 50
        timing.viewInitial = 500
        timing.antiEntropyInterval = 100
        var mesh = SiteFiles.Configuration.Mesh(
            genesis: folder + "/genesis", model: hasModel(index) ? folder + "/model.safetensors" : nil,
            listen: ["127.0.0.1:\(ports[index])"], announce: ["127.0.0.1:\(ports[index])"],
            peers: ports.filter { $0 != ports[index] }.map { "127.0.0.1:\($0)" })
        mesh.expected = expected[index]?.version
        mesh.expectedHeight = expected[index]?.height
        return SiteFiles.Configuration(
            mesh: mesh,
            site: SiteFiles.Configuration.Site(
                name: names[index], stateDirectory: own + "/state", nodeKey: own + "/node.key",
                linkKey: own + "/link.key", passphraseFile: nil),
            sockets: SiteFiles.Configuration.Sockets(
                trainer: .init(path: own + "/trainer.sock"), operator: .init(path: own + "/operator.sock")),
            timing: timing, workerCount: 1)
    }

    @discardableResult
    func start(
        _ index: Int, peers: [String]? = nil, listen: [String]? = nil,
        scrubMilliseconds: UInt64 = Scrubber.intervalMilliseconds,
        sink: (LedgerDatabase) -> any JournalSink = { $0 }, prepare: (Daemon) -> Void = { _ in }
    ) throws -> Daemon {
        var logger = Logger(label: names[index]) { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        var configuration = configuration(index)
        if let peers { configuration.mesh.peers = peers }
        if let listen { configuration.mesh.listen = listen }
        let daemon = try Daemon(
            configuration, loop: loop, logger: logger, scrubMilliseconds: scrubMilliseconds,
            journalSink: sink)
        prepare(daemon)
        try daemon.start()
        daemons[index] = daemon
        return daemon
    }

    func stop(_ index: Int) {
        var isStopped = false
        daemons[index]?.stop { isStopped = true }
        do { try wait(for: "the stop of \(names[index])") { isStopped } } catch { Issue.record(error) }
        daemons[index] = nil
    }

    func end() {
        for index in daemons.keys { stop(index) }
        if ownsLoop { loop.close() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func wait(for what: String, _ condition: () -> Bool) throws { try loop.wait(for: what, condition) }

    func height(_ index: Int) -> UInt64 { daemons[index]?.driver.node.chain.height.value ?? 0 }

    /// Hands a random delta over to the daemon's intake, if the slot of its head is free.
    func contribute(_ index: Int, seed: UInt64) throws {
        guard let base = freeBase(index) else { return }
        var random = SeededRandom(simulationSeed: seed &+ base.height.value)
        var bytes = [UInt8](repeating: 0, count: layout.parameterCount * 4)
        bytes.withUnsafeMutableBytes { bytes in
            let values = bytes.bindMemory(to: UInt32.self)
            var index = 0
            while index < values.count {
                let value = Float(Int16(truncatingIfNeeded: random.next())) / 32_768 / 256
                values[index] = value.bitPattern.littleEndian
                index += 1
            }
        }
        try submission(index, bytes, base: base)
    }

    func contribute(_ index: Int, delta: [Float]) throws {
        guard let base = freeBase(index) else { return }
        var bytes: [UInt8] = []
        for value in delta { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        try submission(index, bytes, base: base)
    }

    /// The version that the site's next contribution starts from; nil while its slot there is taken.
    /// Asked before any values are made: a million of them in an unoptimized build take a good part of a second.
    private func freeBase(_ index: Int) -> Chain.Base? {
        guard let daemon = daemons[index] else { return nil }
        let chain = daemon.driver.node.chain
        return daemon.intake.isTaken(chain.headDigest) ? nil : chain.base(chain.headDigest)
    }

    private func submission(_ index: Int, _ bytes: [UInt8], base: Chain.Base) throws {
        let path = state(index) + "/incoming/test-\(base.height)"
        try File.open(path, .create()).write(bytes, at: 0)
        daemons[index]?.intake.submit(
            path: path, form: .delta, base: base,
            report: .init(steps: 1, tokens: 1, lossCentinats: 1, dataSets: dataSets, trainer: .zero)
        ) { _ in }
    }

    /// Lets all daemons contribute until `condition` holds.
    func train(for what: String, _ condition: () -> Bool) throws {
        var busy: Set<Int> = []
        try wait(for: what) {
            for index in daemons.keys.sorted() where !busy.contains(index) || !daemons[index]!.intake.isWorking {
                busy.insert(index)
                try? contribute(index, seed: UInt64(index) << 32)
            }
            return condition()
        }
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Flips one bit of a file.
func flipBit(in path: String, at offset: Int, bit: Int = 0) throws {
    let file = try File.open(path, .write)
    let byte = try file.read(at: offset, count: 1)[0]
    try file.write([byte ^ (1 << UInt8(bit))], at: offset)
}
