import Control
import Crypto
import Foundation
import Ledger
import TestKit
import Testing

/// Real daemons whose state is deleted, restored, or used twice, while the others go on.
@Suite(.serialized)
struct RecoveryTests {
    private func start() throws -> RunningMesh {
        try RunningMesh(
            Mesh(
                ["de", "es", "fr", "pl"], parameters: 20_000,
                timing: """
                    round_deadline_milliseconds = 1500
                    grace_minimum_milliseconds = 100
                    view_initial_milliseconds = 700
                    anti_entropy_interval_milliseconds = 200
                    """))
    }

    /// The site abstains, says so, and signs again afterwards, without any evidence against it.
    private func expectRecovery(of victim: Int, in running: RunningMesh, since: Int64) throws {
        let others = running.daemons.indices.filter { $0 != victim }
        try Condition.wait(for: "the abstention") { running.daemons[victim].log.contains("abstaining until version") }
        let name = running.mesh.sites[victim].name
        try Condition.wait(for: "a version that \(name) signed again", seconds: 120) {
            let versions = try running.daemons[others[0]].ask(VersionsRequest(count: 20)).versions
            return versions.contains { $0.height > since + 2 && $0.signers.contains { $0.text == name } }
        }
        let statuses = try running.daemons.map { try $0.status() }
        #expect(statuses.allSatisfy { $0.phase != .stopped })
        #expect(statuses.allSatisfy { $0.alarms.allSatisfy { $0.kind != .equivocation && $0.kind != .duplicateKey } })
    }

    @Test("A site whose ledger is deleted abstains and comes back", arguments: [false, true])
    func recoversFromDeletedState(takesWitnessToo: Bool) throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)
        running.daemons[0].killNow()
        let height = try running.heights([1, 2, 3]).max() ?? 0
        let state = running.mesh.sites[0].state
        if takesWitnessToo {
            try FileManager.default.removeItem(atPath: state)
        } else {
            for name in try FileManager.default.contentsOfDirectory(atPath: state) where name.hasPrefix("ledger.sqlite")
            {
                try FileManager.default.removeItem(atPath: state + "/" + name)
            }
        }
        try running.restart(0)
        try expectRecovery(of: 0, in: running, since: height)
        let log = running.daemons[0].log
        #expect(log.contains(takesWitnessToo ? "another site holds a signature" : "it was lost or rolled back"))
    }

    @Test("A restored backup is recovered by an operator's word")
    func recoversFromBackup() throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        let site = running.mesh.sites[2]
        running.daemons[2].killNow()
        try FileManager.default.copyItem(atPath: site.state, toPath: site.folder + "/backup")
        try running.restart(2)
        let restarted = try running.heights([0])[0]
        try running.wait(forHeight: restarted + 3)
        running.daemons[2].killNow()
        let height = try running.heights([0, 1, 3]).max() ?? 0
        try FileManager.default.removeItem(atPath: site.state)
        try FileManager.default.moveItem(atPath: site.folder + "/backup", toPath: site.state)
        let recovery = try Operator.run(["recover", "--config", site.configuration], in: site.folder)
        #expect(recovery.status == 0, "\(recovery.errors)")
        try running.restart(2)
        try expectRecovery(of: 2, in: running, since: height)
        #expect(running.daemons[2].log.contains("an operator asks for a recovery"))
        #expect(!FileManager.default.fileExists(atPath: site.state + "/recover"))
    }

    @Test("Of two daemons with one key at least one stops, and the others go on")
    func stopsSecondDaemon() throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        // The lowest member id: its own connections are the ones that stand, so that both get through to everybody.
        let lowest = running.mesh.genesis.members.members[0].name
        let index = try #require(running.mesh.sites.firstIndex { $0.name == lowest })
        let site = running.mesh.sites[index]
        let port = try FreePorts.take(1)[0]
        let second = Mesh.Site(name: site.name, folder: running.mesh.folder + "/second", port: port)
        try FileManager.default.createDirectory(atPath: second.folder, withIntermediateDirectories: true)
        for name in ["node.key", "link.key"] {
            try FileManager.default.copyItem(atPath: site.folder + "/" + name, toPath: second.folder + "/" + name)
        }
        let text = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: ":\(site.port)\"", with: ":\(port)\"")
            .write(toFile: second.configuration, atomically: true, encoding: .utf8)
        let daemon = try DaemonProcess(second)
        defer { daemon.killNow() }
        try Condition.wait(for: "one of the two to stop", seconds: 120) {
            try [daemon, running.daemons[index]].contains { candidate in
                let status = try candidate.status()
                return status.phase == .stopped && status.alarms.contains { $0.kind == .duplicateKey }
            }
        }
        let others = running.daemons.indices.filter { $0 != index }
        let height = try running.heights(others).max() ?? 0
        try running.wait(forHeight: height + 2, at: others)
    }
}
