import Control
import Foundation
import Ledger
import TestKit
import Testing

/// Sites that were away, that join, and that leave for a mesh of their own: real daemons and the real command line.
@Suite(.serialized)
struct SynchronisationTests {
    private static let timing = """
        round_deadline_milliseconds = 3000
        grace_minimum_milliseconds = 20
        view_initial_milliseconds = 1000
        anti_entropy_interval_milliseconds = 300
        """

    /// As many versions as the gate has time for; MESH_LAG_VERSIONS=200 gives the figure in Docs/catch-up.md, which
    /// goes to the log. What is asserted is that the site came back by parameters and stands where the others do.
    @Test("A daemon that lags many versions of a tiny model comes back by parameters")
    func lagsManyVersions() throws {
        let versions = ProcessInfo.processInfo.environment["MESH_LAG_VERSIONS"].flatMap { Int64($0) } ?? 24
        var rules = Rules()
        rules.retentionVersions = 16
        let running = try RunningMesh(
            Mesh(["de", "es", "fr", "pl"], parameters: 262_144, rules: rules, timing: Self.timing))
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)
        running.daemons[3].killNow()
        running.trainers[3]?.stop()
        let began = try running.heights([0])[0]
        let clock = ContinuousClock()
        let start = clock.now
        try running.wait(forHeight: began + versions, at: [0, 1, 2], seconds: 600)
        let round = (clock.now - start) / versions
        let back = clock.now
        try running.restart(3)
        let target = try running.heights([0])[0]
        try running.wait(forHeight: target, at: [3], seconds: 300)
        let took = clock.now - back
        print("catch-up over \(versions) versions: \(took), one round of the others: \(round), ratio \(took / round)")
        #expect(running.daemons[3].log.contains("by its parameters"))
        let others = try running.daemons[0].ask(VersionRequest(height: target)).summary
        let own = try running.daemons[3].ask(VersionRequest(height: target)).summary
        #expect(own.version == others.version)
        let status = try running.daemons[0].status()
        let use = try #require(status.diskUse)
        #expect(use.oldestBase >= status.height - 16 - 8)
        #expect(use.bases <= 13)
    }

    @Test("A site with the genesis file and one address, and nothing else, becomes a full member of the rounds")
    func joins() throws {
        let running = try RunningMesh(
            Mesh(
                ["de", "es", "fr", "pl"], parameters: 300_000, timing: Self.timing, joiner: "pl"))
        defer { running.end() }
        running.train([0, 1, 2])
        try running.wait(forHeight: 3, at: [0, 1, 2])
        try running.wait(forHeight: 3, at: [3])
        #expect(running.daemons[3].log.contains("fetches the parameters"))
        running.train([3])
        try Condition.wait(for: "a version that lists it") {
            try running.daemons[0].ask(VersionsRequest(count: 10)).versions
                .contains { $0.contributors.contains { $0.text == "pl" } }
        }
    }

    /// Until members know its card nobody links with it: it runs, waits and signs nothing.
    @Test("A site that is no member starts on genesis file, card and one address")
    func observes() throws {
        let running = try RunningMesh(Mesh(["de", "es", "fr", "pl"], parameters: 20_000, timing: Self.timing))
        defer { running.end() }
        let mesh = running.mesh
        let control = Verbs(folder: mesh.folder)
        try control.run("keygen", "--site", "it")
        try control.run(
            "join", "--genesis", "genesis", "--peer", "127.0.0.1:\(mesh.sites[0].port)", "--key", "it", "--observe",
            "--out", "it/meshnode.toml", "--state", "it/state", "--listen", "127.0.0.1:0")
        let site = Mesh.Site(name: "it", folder: mesh.folder + "/it", port: 0)
        let observer = try DaemonProcess(site)
        defer { observer.killNow() }
        try Condition.wait(for: "the refusal") { observer.log.contains("refused this site") }
        let status = try observer.status()
        #expect(status.site.text == "it")
        #expect(status.phase == .catchingUp)
        #expect(status.height == 0)
        #expect(try observer.terminate() == .exited(0))
    }

    @Test(
        "Two of four sites leave with what they hold: the fork trains on, and a third party verifies both",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func forks(optimizer: InnerOptimizer) throws {
        var rules = Rules()
        rules.innerOptimizer = optimizer
        let running = try RunningMesh(
            Mesh(["de", "es", "fr", "pl"], parameters: 20_000, rules: rules, timing: Self.timing))
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 4)
        // Cut off from everybody: the others are gone before the fork is made.
        for index in [1, 2, 3] { running.daemons[index].killNow() }
        for trainer in running.trainers.values { trainer.stop() }
        let mesh = running.mesh
        let height = try running.heights([0])[0]
        let place = mesh.folder + "/place"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let control = Verbs(folder: place)
        let report = try control.run(
            "fork", "--at", "\(height)", "--members", "de,es", "--genesis", mesh.folder + "/genesis", "--socket",
            mesh.sites[0].operatorSocket)
        #expect(report.contains("The state of the shared optimizer goes along") == optimizer.isShared)
        let version = try running.daemons[0].ask(VersionRequest(height: height)).summary.version.text
        try control.run("ledger", "export", "old.ledger", "--socket", mesh.sites[0].operatorSocket)
        running.daemons[0].killNow()
        for name in ["de", "es"] {
            try control.run(
                "genesis", "sign", "--genesis", "fork/genesis.mesh", "--key", mesh.folder + "/" + name, "--model",
                "fork/model", "--out", name + ".signature")
        }
        try control.run(
            "genesis", "assemble", "--genesis", "fork/genesis.mesh", "--signatures", "de.signature", "es.signature")
        let fork = try ForkedMesh(mesh, ["de", "es"], place: place, timing: Self.timing)
        defer { fork.end() }
        try Condition.wait(for: "versions of the fork") { try fork.daemons.allSatisfy { try $0.status().height >= 3 } }
        try control.run("ledger", "export", "fork.ledger", "--socket", fork.sites[0].operatorSocket)
        for daemon in fork.daemons { #expect(try daemon.terminate() == .exited(0)) }
        let verified = try control.run(
            "verify", "--genesis", "fork/genesis.mesh", "--ledger", "fork.ledger", "--model", "fork/model",
            "--recompute", "--expect", version)
        #expect(verified.contains("origin"))
        #expect(verified.contains("every version recomputed"))
        try control.run(
            "verify", "--genesis", mesh.folder + "/genesis", "--ledger", "old.ledger", "--model",
            mesh.folder + "/model.safetensors", "--recompute", "--expect", version)
    }
}

/// `meshctl` in a folder, where it must succeed.
private struct Verbs {
    let folder: String

    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let result = try Operator.run(arguments, in: folder)
        guard result.status == 0 else {
            throw TestError("meshctl \(arguments.joined(separator: " ")): \(result.output)\(result.errors)")
        }
        return result.output
    }
}

/// Daemons and trainers of a mesh that sites of another one founded, with the keys that they have there.
final class ForkedMesh {
    let sites: [Mesh.Site]
    let daemons: [DaemonProcess]
    private let trainers: [ScriptedTrainer]

    init(_ mesh: Mesh, _ names: [String], place: String, timing: String) throws {
        let ports = try FreePorts.take(names.count)
        sites = zip(names, ports).map { Mesh.Site(name: $0, folder: place + "/" + $0, port: $1) }
        for site in sites {
            try FileManager.default.createDirectory(atPath: site.folder, withIntermediateDirectories: true)
            let peers = sites.filter { $0.name != site.name }.map { "\"127.0.0.1:\($0.port)\"" }
            let keys = mesh.folder + "/" + site.name
            let text = """
                [mesh]
                genesis = "../fork/genesis.mesh"
                model = "../fork/model"
                listen = "127.0.0.1:\(site.port)"
                announce = ["127.0.0.1:\(site.port)"]
                peers = [\(peers.joined(separator: ", "))]

                [site]
                name = "\(site.name)"
                state = "state"
                node_key = "\(keys)/node.key"
                link_key = "\(keys)/link.key"

                [timing]
                \(timing)
                """
            try text.write(toFile: site.configuration, atomically: true, encoding: .utf8)
        }
        daemons = try sites.map { try DaemonProcess($0) }
        trainers = sites.enumerated().map { ScriptedTrainer(socket: $1.trainerSocket, seed: UInt64($0 + 7) << 32) }
    }

    func end() {
        for trainer in trainers { trainer.stop() }
        for daemon in daemons where daemon.isRunning { daemon.killNow() }
    }
}
