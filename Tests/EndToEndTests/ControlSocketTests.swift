import Control
import Crypto
import Foundation
import Ledger
import Testing

/// One daemon of a mesh of one site, and whoever talks to its control socket.
@Suite(.serialized)
struct ControlSocketTests {
    private let parameters = 10_000

    private func start() throws -> RunningMesh {
        let running = try RunningMesh(
            Mesh(["de"], parameters: parameters, timing: "round_deadline_milliseconds = 300"))
        return running
    }

    private func attach(_ running: RunningMesh) throws -> (ControlClient, TrainerAttached) {
        let client = try ControlClient.connect(to: running.mesh.sites[0].socket)
        return (client, try client.request(ScriptedTrainer.attach))
    }

    private func refusal<Method: ControlMethod>(_ client: ControlClient, _ request: Method) -> ControlReason? {
        do {
            _ = try client.request(request)
            return nil
        } catch let refusal as ControlRefusal {
            return refusal.reason
        } catch {
            return .internalError
        }
    }

    @Test("A second hand-over for a taken slot is refused, and so is one to an unknown base")
    func refusesSecondHandOver() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        let base = welcome.version
        _ = try ScriptedTrainer.handOver(client, base: base, seed: 1, count: parameters)
        let bytes = Int64(4 * parameters)
        #expect(
            refusal(client, TrainerContributeBegin(base: base, form: .delta, transfer: 7, bytes: bytes)) == .duplicate)
        let unknown = DigestText(Digest(DigestDomain("test"), [1]).description)!
        #expect(
            refusal(client, TrainerContributeBegin(base: unknown, form: .delta, transfer: 7, bytes: bytes))
                == .wrongBase)
        #expect(try #require(try client.nextVersion(after: 0, seconds: 60)).isListed)
    }

    @Test("After SIGKILL the slot is still taken and the contribution still listed")
    func remembersSlot() throws {
        let running = try start()
        defer { running.end() }
        var (client, welcome) = try attach(running)
        let base = welcome.version
        let committed = try ScriptedTrainer.handOver(client, base: base, seed: 1, count: parameters)
        running.daemons[0].killNow()
        try running.restart(0)
        (client, welcome) = try attach(running)
        #expect(welcome.isHandedOver || welcome.height > 0)
        #expect(
            refusal(
                client,
                TrainerContributeBegin(base: base, form: .delta, transfer: 7, bytes: Int64(4 * parameters)))
                == .duplicate)
        try running.wait(forHeight: 1)
        let version = try running.daemons[0].ask(VersionRequest(height: 1))
        #expect(version.contributions.map(\.contribution) == [committed.contribution])
    }

    @Test("What does not fit the layout is refused by name")
    func refusesMisfits() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        func hand(_ frames: [TensorFrame], transfer: Int64) throws -> ControlReason? {
            _ = try client.request(
                TrainerContributeBegin(
                    base: welcome.version, form: .delta, transfer: transfer, bytes: Int64(4 * parameters)))
            for frame in frames { try client.send(frame) }
            return refusal(
                client, TrainerContributeCommit(transfer: transfer, steps: 1, tokens: 1, loss: 1, datasets: []))
        }
        func frame(
            _ transfer: UInt32, tensor: UInt32 = 0, offset: UInt64 = 0, count: Int, value: Float = 0
        ) -> TensorFrame {
            let bytes = (0..<count).flatMap { _ in withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }
            return TensorFrame(transfer: transfer, kind: .delta, tensorIndex: tensor, offset: offset, bytes: bytes)
        }
        #expect(try hand([frame(1, count: 100)], transfer: 1) == .missingParameter)
        #expect(try hand([frame(2, tensor: 1, count: 100)], transfer: 2) == .unexpectedParameter)
        #expect(try hand([frame(3, count: parameters + 1)], transfer: 3) == .shapeMismatch)
        #expect(try hand([frame(4, offset: 5, count: 100)], transfer: 4) == .sizeMismatch)
        #expect(try hand([frame(5, count: parameters, value: .nan)], transfer: 5) == .nonFinite)
        #expect(
            refusal(client, TrainerContributeBegin(base: welcome.version, form: .delta, transfer: 9, bytes: 4))
                == .sizeMismatch)
        // None of it took the slot.
        _ = try ScriptedTrainer.handOver(client, base: welcome.version, seed: 1, count: parameters)
    }

    @Test("A base arrives whole, and hashes to the root that its version certifies")
    func sendsBase() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        _ = try ScriptedTrainer.handOver(client, base: welcome.version, seed: 1, count: parameters)
        let version = try #require(try client.nextVersion(after: 0, seconds: 60))
        let transfer = try client.request(TrainerBase(version: version.version))
        let bytes = try client.tensorBytes(count: Int(transfer.bytes))
        let tree = MerkleTree(leaves: [MerkleTree.leaf(bytes)])
        #expect(tree.root.description == transfer.parametersRoot.text)
        let summary = try running.daemons[0].ask(VersionRequest(height: 1)).summary
        #expect(summary.parametersRoot == transfer.parametersRoot)
    }

    @Test(
        "An operator's connection cannot train, a second trainer is refused, and the socket is the owner's and the group's"
    )
    func separatesRoles() throws {
        let running = try start()
        defer { running.end() }
        let (trainer, welcome) = try attach(running)
        defer { withExtendedLifetime(trainer) {} }
        let client = try ControlClient.connect(to: running.mesh.sites[0].socket)
        #expect(try client.request(StatusRequest()).trainer == .training)
        #expect(refusal(client, TrainerBase(version: welcome.version)) == .forbidden)
        let second = try ControlClient.connect(to: running.mesh.sites[0].socket)
        #expect(refusal(second, ScriptedTrainer.attach) == .alreadyAttached)
        let attributes = try FileManager.default.attributesOfItem(atPath: running.mesh.sites[0].socket)
        #expect(attributes[.posixPermissions] as? Int == 0o660)
    }

    @Test("Every question of an operator is answered")
    func answersOperators() throws {
        let running = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)
        let daemon = running.daemons[0]
        #expect(try daemon.ask(PeersRequest()).peers.isEmpty)
        #expect(try daemon.ask(MembersRequest()).members.map(\.site.text) == ["de"])
        #expect(try daemon.ask(RulesRequest()).entries.contains { $0.name == "piece_bytes" })
        let versions = try daemon.ask(VersionsRequest(count: 100)).versions
        #expect(versions.map(\.height) == versions.map(\.height).sorted(by: >))
        #expect(versions.last?.height == 0)
        #expect(try daemon.ask(VersionRequest(height: 1)).contributions.first?.isListed == true)
        #expect(try daemon.ask(ContributionsRequest(height: 1)).contributions.count == 1)
        #expect(try daemon.ask(RoundsRequest(count: 2)).rounds.first?.contributions == 1)
        #expect(try daemon.ask(DoctorRequest()).checks.contains { $0.name == "disk" && $0.outcome == .pass })
        #expect(try daemon.ask(EvidenceRequest(count: 5)).evidence.isEmpty)
        #expect(try daemon.ask(EvidenceExportBegin()).proofs == 0)
        let export = try daemon.ask(LedgerExportBegin(through: 2))
        let second = try daemon.ask(VersionRequest(height: 2)).summary.version
        #expect(export.height == 2 && export.head == second)
    }

    @Test("Whatever bytes come, the daemon stays up", arguments: 0..<6)
    func survivesGarbage(seed: UInt64) throws {
        let running = try start()
        defer { running.end() }
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<20 {
            let client = try ControlClient.connect(to: running.mesh.sites[0].socket)
            let count = Int.random(in: 1...3000, using: &random)
            // The daemon may close at once: then there is nobody to send the rest to.
            try? client.send(raw: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        #expect(try running.daemons[0].status().height == 0)
    }
}
