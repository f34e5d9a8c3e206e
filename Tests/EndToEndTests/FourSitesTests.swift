import Control
import Crypto
import Foundation
import Ledger
import TestKit
import Testing

/// Real daemons, as processes, with trainers that hand over random pseudo-gradients.
@Suite(.serialized)
struct FourSitesTests {
    private func start(
        parameters: Int = 20_000, rules: Rules = Rules(), roundDeadlineMilliseconds: Int = 3000
    ) throws -> RunningMesh {
        try RunningMesh(
            Mesh(
                ["de", "es", "fr", "pl"], parameters: parameters, rules: rules,
                timing: """
                    round_deadline_milliseconds = \(roundDeadlineMilliseconds)
                    grace_minimum_milliseconds = 100
                    view_initial_milliseconds = 1000
                    anti_entropy_interval_milliseconds = 300
                    """))
    }

    @Test("Four sites certify a chain of versions, stand at equal heads, and end in order")
    func reachesEqualHeads() throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 5)
        let versions = try running.daemons.map { try $0.ask(VersionRequest(height: 5)) }
        for version in versions {
            #expect(version.summary.version == versions[0].summary.version)
            #expect(version.summary.signers.count >= 3)
        }
        for daemon in running.daemons { #expect(try daemon.terminate() == .exited(0)) }
        #expect(running.daemons[0].log.contains("contributed"))
    }

    @Test("A site that is killed is not missed; restarted, it catches up and signs again", arguments: [0, 3])
    func survivesKill(victim: Int) throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)
        running.daemons[victim].killNow()
        let others = running.daemons.indices.filter { $0 != victim }
        let killedAt = try running.heights(others).max() ?? 0
        try running.wait(forHeight: killedAt + 3, at: others)
        try running.restart(victim)
        let restartedAt = try running.daemons[others[0]].status().height
        let name = running.mesh.sites[victim].name
        try Condition.wait(for: "a version that \(name) signed and contributed to again") {
            let versions = try running.daemons[others[0]].ask(VersionsRequest(count: 20)).versions
            return versions.contains { version in
                version.height > restartedAt && version.signers.contains { $0.text == name }
                    && version.contributors.contains { $0.text == name }
            }
        }
        let versions = try running.daemons.map { try $0.ask(VersionRequest(height: restartedAt)).summary.version }
        #expect(Set(versions).count == 1)
    }

    @Test("Each site in turn is killed in each phase of a round: the others go on, and it comes back")
    func survivesKillInEveryPhase() throws {
        // Large enough that proposing and averaging take a while, so that every phase can be met.
        let running = try start(parameters: 400_000)
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        for (turn, phase) in [RoundPhase.collecting, .ready, .proposing, .notarizing, .finalizing].enumerated() {
            let victim = turn % running.daemons.count
            let socket = try DaemonClient.connect(to: running.mesh.sites[victim].operatorSocket)
            try Condition.wait(for: "the phase \(phase.rawValue)", pauseMillisecondsMaximum: 1) {
                try socket.request(StatusRequest()).phase == phase
            }
            running.daemons[victim].killNow()
            let others = running.daemons.indices.filter { $0 != victim }
            let killedAt = try running.heights(others).max() ?? 0
            try running.wait(forHeight: killedAt + 2, at: others)
            try running.restart(victim)
            try running.wait(forHeight: killedAt + 3)
        }
        let height = try running.heights().min() ?? 0
        let versions = try running.daemons.map { try $0.ask(VersionRequest(height: height)).summary.version }
        #expect(Set(versions).count == 1)
    }

    @Test("With two of four down nothing is certified; it goes on by itself when one returns")
    func waitsForQuorum() throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)
        running.daemons[1].killNow()
        running.daemons[2].killNow()
        let killed = [running.mesh.sites[1].name, running.mesh.sites[2].name]
        try Condition.wait(for: "the two to see that the others are gone, and to agree on the head") {
            let statuses = try [0, 3].map { try running.daemons[$0].status() }
            return statuses[0].head == statuses[1].head
                && statuses.allSatisfy { status in
                    status.trainer == .done && !status.waitsFor.isEmpty
                        && status.peers.filter { $0.link == .up }.allSatisfy { !killed.contains($0.site.text) }
                }
        }
        let stuck = try running.heights([0])[0]
        try running.restart(1)
        try running.wait(forHeight: stuck + 3, at: [0, 1, 3])
        // Two signers are no quorum: what came after needed the one that returned.
        let next = try running.daemons[0].ask(VersionRequest(height: stuck + 1)).summary
        #expect(next.signers.map(\.text).contains(running.mesh.sites[1].name))
        #expect(next.signers.count == 3)
    }

    @Test("A sender that is killed in the middle of a contribution of 256 pieces delays nobody")
    func survivesSender() throws {
        var rules = Rules()
        rules.encoding = .denseFloat32
        rules.pieceBytes = 1 << 14
        // Two of the three that are left have contributed, and no deadline decides here.
        rules.minContributions = 2
        let running = try startedInTheMiddle(parameters: 1 << 20, rules: rules)
        defer { running.end() }
        running.train([1, 2, 3])
        try running.wait(forHeight: 1, at: [1, 2, 3])
        let first = try running.daemons[1].ask(VersionRequest(height: 1)).summary
        #expect(first.contributors.map(\.text).sorted() == ["es", "fr"])
        try running.restart(0)
        try running.wait(forHeight: 1)
    }

    /// A mesh whose first site was killed while its contribution was on its way. Where the kill came too late, that is
    /// where somebody has all of it already, another mesh is tried.
    private func startedInTheMiddle(parameters: Int, rules: Rules) throws -> RunningMesh {
        for _ in 0..<10 {
            let running = try start(parameters: parameters, rules: rules, roundDeadlineMilliseconds: 60_000)
            do {
                let sites = running.mesh.sites
                try Condition.wait(for: "all links") {
                    try running.daemons.allSatisfy { try $0.status().peers.allSatisfy { $0.link == .up } }
                }
                // Payloads move once a quorum has committed and closed the round.
                let digests = try (0..<3).map { index in
                    let client = try DaemonClient.connect(to: sites[index].trainerSocket)
                    let welcome = try client.request(ScriptedTrainer.attach)
                    return try ScriptedTrainer.submit(
                        client, base: welcome.version, seed: UInt64(index), counts: [parameters]
                    ).contribution.text
                }
                try Condition.wait(for: "the first pieces at another site", pauseMillisecondsMaximum: 1) {
                    try blobs(of: sites[1]).contains { $0.hasPrefix(digests[0]) }
                }
                running.daemons[0].killNow()
                let isComplete = try sites.dropFirst().contains { try blobs(of: $0).contains(digests[0]) }
                if !isComplete { return running }
            } catch {
                running.end()
                throw error
            }
            running.end()
        }
        throw TestError("ten kills came too late to be in the middle of a contribution")
    }

    private func blobs(of site: Mesh.Site) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: site.state + "/blobs")
    }
}
