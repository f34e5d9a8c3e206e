import Control
import Crypto
import Foundation
import Ledger
import TestKit
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

    private func attach(_ running: RunningMesh) throws -> (DaemonClient, TrainerAttached) {
        let client = try DaemonClient.connect(to: running.mesh.sites[0].trainerSocket)
        return (client, try client.request(ScriptedTrainer.attach))
    }

    private func refusal<Method: ControlMethod>(_ client: DaemonClient, _ request: Method) -> ControlReason? {
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
    func refusesSecondSubmission() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        let base = welcome.version
        _ = try ScriptedTrainer.submit(client, base: base, seed: 1, counts: [parameters])
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
        let committed = try ScriptedTrainer.submit(client, base: base, seed: 1, counts: [parameters])
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
        _ = try ScriptedTrainer.submit(client, base: welcome.version, seed: 1, counts: [parameters])
    }

    @Test("A base arrives whole, and hashes to the root that its version certifies")
    func sendsBase() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        _ = try ScriptedTrainer.submit(client, base: welcome.version, seed: 1, counts: [parameters])
        let version = try #require(try client.nextVersion(after: 0, seconds: 60))
        let transfer = try client.request(TrainerBase(version: version.version))
        let bytes = try client.tensorBytes(count: Int(transfer.bytes))
        let tree = MerkleTree(leaves: [MerkleTree.leaf(bytes)])
        #expect(tree.root.description == transfer.parametersRoot.text)
        let summary = try running.daemons[0].ask(VersionRequest(height: 1)).summary
        #expect(summary.parametersRoot == transfer.parametersRoot)
    }

    @Test("Each socket refuses the other's methods and names the other socket; a second trainer is refused")
    func separatesRoles() throws {
        let running = try start()
        defer { running.end() }
        let site = running.mesh.sites[0]
        let (trainer, welcome) = try attach(running)
        let client = try DaemonClient.connect(to: site.operatorSocket)
        #expect(try client.request(StatusRequest()).trainer == .training)
        let onOperatorSocket = try #require(throws: ControlRefusal.self) {
            try client.request(TrainerBase(version: welcome.version))
        }
        #expect(onOperatorSocket.reason == .wrongSocket && onOperatorSocket.data.socket == .trainer)
        let onTrainerSocket = try #require(throws: ControlRefusal.self) { try trainer.request(StatusRequest()) }
        #expect(onTrainerSocket.reason == .wrongSocket && onTrainerSocket.data.socket == .operator)
        #expect(onTrainerSocket.message.contains("use the operator socket"))
        // A client that has not attached yet may ask nothing more than one that has.
        let second = try DaemonClient.connect(to: site.trainerSocket)
        #expect(refusal(second, LedgerExportBegin(through: nil)) == .wrongSocket)
        #expect(refusal(second, ScriptedTrainer.attach) == .alreadyAttached)
    }

    @Test("Without a group only the daemon's user may connect; with one the group too, and auditors only read")
    func socketFiles_haveTheConfiguredModesAndGroups() throws {
        let mesh = try Mesh(["de"], parameters: parameters, timing: "round_deadline_milliseconds = 300")
        let site = mesh.sites[0]
        let auditorSocket = site.folder + "/readers"
        // Groups that this process may give a file: all of them as root, else its own.
        let group = try #require(getgrgid(getegid())).pointee.gr_name.map { String(cString: $0) }
        let sockets = "\n[sockets]\noperator_group = \"\(try #require(group))\"\nauditor = \"readers\"\n"
        let text = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try (text + sockets).write(toFile: site.configuration, atomically: true, encoding: .utf8)
        let running = try RunningMesh(mesh)
        defer { running.end() }
        let auditor = try DaemonClient.connect(to: auditorSocket)
        #expect(try auditor.request(StatusRequest()).height == 0)
        let member = try #require(DigestText(String(repeating: "0", count: 64)))
        #expect(refusal(auditor, InviteWithdraw(member: member)) == .wrongSocket)
        #expect(refusal(auditor, ScriptedTrainer.attach) == .wrongSocket)
        for (path, mode) in [(site.trainerSocket, 0o600), (site.operatorSocket, 0o660), (auditorSocket, 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: site.operatorSocket)
        #expect(attributes[.groupOwnerAccountID] as? Int == Int(getegid()))
    }

    @Test("The daemon refuses to start where the trainer's group could open the operator socket")
    func oneGroupForBothSockets_isRefusedAtStart() throws {
        let mesh = try Mesh(["de"], parameters: parameters, timing: "round_deadline_milliseconds = 300")
        defer { mesh.remove() }
        let site = mesh.sites[0]
        let text = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try (text + "\n[sockets]\ntrainer_mode = \"0660\"\noperator_mode = \"0660\"\n").write(
            toFile: site.configuration, atomically: true, encoding: .utf8)
        let daemon = try DaemonProcess(site)
        #expect(try daemon.process.wait() == .exited(1))
        #expect(daemon.log.contains("a trainer could use the operator socket"))
        #expect(!FileManager.default.fileExists(atPath: site.operatorSocket))
    }

    @Test("A loss is kept to 0.01 nats, or not at all, and the ids of the data sets are shown")
    func lossIsOptional() throws {
        let running = try start()
        defer { running.end() }
        let (client, welcome) = try attach(running)
        let id = try #require(DigestText(String(repeating: "ab", count: 32)))
        var base = welcome.version
        for (height, loss) in [(Int64(1), nil as Double?), (2, 2.345678)] {
            _ = try ScriptedTrainer.submit(
                client, base: base, seed: UInt64(height), counts: [parameters], loss: loss, dataSets: [id])
            base = try #require(try client.nextVersion(after: height - 1, seconds: 60)).version
            let summary = try #require(
                try running.daemons[0].ask(ContributionsRequest(height: height)).contributions.first)
            #expect(summary.loss == (loss == nil ? nil : 2.35))
            #expect(summary.dataSets == [id])
        }
    }

    @Test("The daemon dumps no core, locks its secrets in memory, and keeps its files to its user")
    func daemonKeepsSecrets() throws {
        let running = try start()
        defer { running.end() }
        _ = try running.daemons[0].status()
        let process = "/proc/\(running.daemons[0].process.identifier)"
        let limits = try String(contentsOfFile: process + "/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
        let status = try String(contentsOfFile: process + "/status", encoding: .utf8)
        let locked = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        // A sanitizer takes over mlock and locks nothing.
        #expect(Sanitizer.isActive || locked.split(whereSeparator: \.isWhitespace)[1] != "0")
        let site = running.mesh.sites[0]
        let names = try FileManager.default.subpathsOfDirectory(atPath: site.state)
        #expect(names.contains("ledger.sqlite"))
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: site.state + "/" + name)
            let mode = try #require(attributes[.posixPermissions] as? Int)
            #expect(mode & 0o077 == 0, "\(name) has mode \(String(mode, radix: 8))")
        }
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
        let site = running.mesh.sites[0]
        for turn in 0..<20 {
            let client = try DaemonClient.connect(to: turn % 2 == 0 ? site.trainerSocket : site.operatorSocket)
            let count = Int.random(in: 1...3000, using: &random)
            // The daemon may close at once: then there is nobody to send the rest to.
            try? client.send(raw: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        #expect(try running.daemons[0].status().height == 0)
    }
}
