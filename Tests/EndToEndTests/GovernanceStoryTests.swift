import Control
import Crypto
import Foundation
import Ledger
import TestKit
import Testing

/// Members govern a running mesh by the command line: real daemons, real operator keys.
@Suite(.serialized)
struct GovernanceStoryTests {
    static let timing = """
        round_deadline_milliseconds = 3000
        grace_minimum_milliseconds = 100
        view_initial_milliseconds = 1000
        anti_entropy_interval_milliseconds = 300
        """

    private func start(rules: Rules = Rules()) throws -> (RunningMesh, [Operator]) {
        let running = try RunningMesh(
            Mesh(["de", "es", "fr", "pl"], parameters: 20_000, rules: rules, timing: GovernanceStoryTests.timing))
        try Condition.wait(for: "all daemons to listen") {
            running.daemons.allSatisfy { (try? $0.status()) != nil }
        }
        return (running, running.mesh.sites.map { Operator(site: $0) })
    }

    private func wait(forAction action: String, at daemon: DaemonProcess) throws {
        try Condition.wait(for: "proposal \(action.prefix(12)) to take effect", seconds: 120) {
            try daemon.ask(ProposalsRequest(count: 20)).proposals.allSatisfy { $0.action.text != action }
        }
    }

    @Test("A fifth site is invited, joins with one address, is admitted, contributes and leaves; the others go on")
    func fifthSite() throws {
        let (running, operators) = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 2)

        let mesh = running.mesh
        let site = try mesh.newcomer("it")
        _ = try Operator.run(
            ["keygen", "--site", "it", "--out", site.folder, "--address", "127.0.0.1:\(site.port)"], in: mesh.folder)
        let card = site.folder + "/site.card"
        let invitation = mesh.folder + "/it.invitation"
        try operators[0].run("invite", card, "--out", invitation)
        let joined = try Operator.run(
            [
                "join", "--genesis", mesh.folder + "/genesis", "--invitation", invitation, "--key", site.folder,
                "--model", mesh.folder + "/model.safetensors", "--listen", "127.0.0.1:\(site.port)", "--out",
                site.configuration,
            ], in: mesh.folder)
        try #require(joined.status == 0, "\(joined.output)\(joined.errors)")
        let configuration = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try (configuration + "\n[timing]\n" + GovernanceStoryTests.timing).write(
            toFile: site.configuration, atomically: true, encoding: .utf8)
        let newcomer = try running.start(site)
        let reached = try running.heights([0])[0]
        try Condition.wait(for: "the newcomer to follow the chain", seconds: 120) {
            let status = try running.daemons[newcomer].status()
            return status.height >= reached && !status.isMember
        }

        let admission = try operators[0].propose("admit", card)
        try operators[1].approve(admission)
        #expect(try running.daemons[0].status().members == 4)
        try operators[2].approve(admission)
        try Condition.wait(for: "five members", seconds: 120) {
            try running.daemons.allSatisfy { try $0.status().members == 5 }
        }
        let admitted = try running.heights([0])[0]
        #expect(try running.daemons[newcomer].status().isMember)

        running.train(newcomer: newcomer)
        try Condition.wait(for: "a version that lists the newcomer", seconds: 120) {
            try running.daemons[0].ask(VersionsRequest(count: 20)).versions.contains { version in
                version.contributors.contains { $0.text == "it" } && version.height > admitted
            }
        }
        try Condition.wait(for: "links between all", seconds: 60) {
            try running.daemons.allSatisfy { try $0.status().peers.allSatisfy { $0.link == .up } }
        }

        running.stopTraining(newcomer)
        let leaving = try Operator(site: site).attempt(["leave", "--json"])
        try #require(leaving.status == 0, "\(leaving.errors)")
        let removal = try running.daemons[newcomer].ask(ProposalsRequest(count: 20)).proposals[0].action.text
        for index in [0, 1, 2] { try operators[index].approve(removal) }
        let founders = [0, 1, 2, 3]
        try Condition.wait(for: "four members again", seconds: 120) {
            try founders.allSatisfy { try running.daemons[$0].status().members == 4 }
        }
        let left = try running.heights([0])[0]
        try running.wait(forHeight: left + 2, at: founders)
        let heads = try founders.map { try running.daemons[$0].ask(VersionRequest(height: left + 1)).summary.version }
        #expect(Set(heads).count == 1)
        try expectVerifiesFromDocuments(running.mesh, operators[0])
    }

    /// The verifier that was written from the documents reaches the head of the exported ledger.
    private func expectVerifiesFromDocuments(_ mesh: Mesh, _ exporter: Operator) throws {
        try exporter.run("ledger", "export", mesh.folder + "/documents.ledger", key: false)
        let files = (genesis: mesh.folder + "/genesis", ledger: mesh.folder + "/documents.ledger")
        let ours = try Operator.run(
            ["verify", "--genesis", files.genesis, "--ledger", files.ledger, "--json"], in: mesh.folder)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(ours.output.utf8)) as? [String: Any])
        let theirs = try Operator.verifyFromDocuments(genesis: files.genesis, ledger: files.ledger, in: mesh.folder)
        #expect(theirs.status == 0, "\(theirs.errors)")
        #expect(theirs.output.contains("head \(try #require(report["head"] as? String))"), "\(theirs.output)")
    }

    @Test("Proposals are withdrawn and rejected with a comment, and every site tells what was decided by whom")
    func mistakes() throws {
        let (running, operators) = try start()
        defer { running.end() }
        func proposals(_ index: Int) throws -> [ProposalSummary] {
            try running.daemons[index].ask(ProposalsRequest(count: 20)).proposals
        }
        let mistake = try operators[0].propose("remove", "es", "--comment", "fat fingers")
        try operators[0].run("proposal", "withdraw", String(mistake.prefix(12)), "--yes", "--comment", "sorry")
        try Condition.wait(for: "the withdrawal at every site") {
            try (0..<4).allSatisfy { try proposals($0).isEmpty }
        }
        let again = try operators[0].attempt(["proposal", "approve", mistake, "--yes"])
        #expect(again.status == 1)

        let unwanted = try operators[1].propose("rules", "inner_steps=99")
        for index in [2, 3] {
            try Condition.wait(for: "the proposal at \(index)") {
                try proposals(index).contains { $0.action.text == unwanted }
            }
            try operators[index].run("proposal", "reject", unwanted, "--yes", "--comment", "not before the audit")
        }
        try Condition.wait(for: "the rejections at every site") {
            try (0..<4).allSatisfy { try proposals($0).isEmpty }
        }

        let wanted = try operators[0].propose("rules", "inner_steps=11", "--comment", "as agreed in May")
        for index in [1, 2] { try operators[index].approve(wanted) }
        try wait(forAction: wanted, at: running.daemons[3])
        try running.wait(forHeight: 1)
        let decisions = try running.daemons[3].ask(ProposalHistoryRequest(count: 20)).decisions
        let ends = decisions.map { "\($0.end.rawValue) \($0.words)" }
        #expect(decisions.map(\.end) == [.taken, .rejected, .withdrawn], "\(ends)")
        #expect(decisions.first?.signed.map(\.text) == ["de", "es", "fr"])
        #expect(decisions.first?.comment == "as agreed in May")
        #expect(
            decisions.dropFirst().first?.against.map(\.comment) == ["not before the audit", "not before the audit"])
        #expect(decisions.last?.against.map(\.site.text) == ["de"])
        let text = try operators[3].run("proposal", "history", key: false)
        #expect(text.contains("fr rejects it: not before the audit"), "\(text)")
        #expect(text.contains("de took its signature back: sorry"), "\(text)")
    }

    private func waitForTheRotation(at daemons: [DaemonProcess]) throws {
        try Condition.wait(for: "key epoch 1 of pl", seconds: 120) {
            try daemons.allSatisfy { daemon in
                try daemon.ask(MembersRequest()).members.contains { $0.site.text == "pl" && $0.keyEpoch == 1 }
            }
        }
    }

    @Test("A node key is rotated live, and the retired one is erased")
    func rotation() throws {
        let (running, operators) = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        let site = running.mesh.sites[3]
        let retired = try KeyFile.load(.nodeKey, from: site.folder + "/node.key").publicKeyBytes
        let rotation = try operators[3].propose("rotate-key")
        for index in [0, 1] { try operators[index].approve(rotation) }
        try waitForTheRotation(at: running.daemons)
        try Condition.wait(for: "the new key to be in place") {
            try KeyFile.load(.nodeKey, from: site.folder + "/node.key").publicKeyBytes != retired
                && !FileManager.default.fileExists(atPath: site.folder + "/node.key.next")
                && !FileManager.default.fileExists(atPath: site.folder + "/node.key.retired")
        }
        let rotated = try running.heights([0])[0]
        try Condition.wait(for: "a version that pl signed and contributed to with its new key", seconds: 120) {
            try running.daemons[0].ask(VersionsRequest(count: 20)).versions.contains { version in
                version.height > rotated && version.signers.contains { $0.text == "pl" }
                    && version.contributors.contains { $0.text == "pl" }
            }
        }
        // Whatever the links were worth, new ones stand with the new keys.
        running.daemons[3].killNow()
        try running.restart(3)
        let restarted = try running.heights([0])[0]
        try running.wait(forHeight: restarted + 2)
        try expectVerifiesFromDocuments(running.mesh, operators[0])
    }

    @Test("A site that was down through its own rotation, and for longer than its retired keys are known, comes back")
    func rotationWhileDown() throws {
        let (running, operators) = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        let site = running.mesh.sites[3]
        let retired = try KeyFile.load(.linkKey, from: site.folder + "/link.key").publicKeyBytes
        let rotation = try operators[3].propose("rotate-key")
        try Condition.wait(for: "the proposal at the others") {
            try running.daemons[0..<3].allSatisfy { daemon in
                try daemon.ask(ProposalsRequest(count: 20)).proposals.contains { $0.action.text == rotation }
            }
        }
        running.stopTraining(3)
        running.daemons[3].killNow()
        for index in [0, 1] { try operators[index].approve(rotation) }
        try waitForTheRotation(at: Array(running.daemons[0..<3]))
        let rotated = try running.heights([0])[0]
        try running.wait(forHeight: rotated + Int64(Rules().maxStaleness) + 3, at: [0, 1, 2])
        try running.restart(3)
        let back = try running.heights([0])[0]
        try running.wait(forHeight: back + 1)
        try Condition.wait(for: "the new key to be in place") {
            try KeyFile.load(.linkKey, from: site.folder + "/link.key").publicKeyBytes != retired
                && !FileManager.default.fileExists(atPath: site.folder + "/link.key.next")
        }
        try Condition.wait(for: "a version that pl signed with its new key", seconds: 120) {
            try running.daemons[0].ask(VersionsRequest(count: 20)).versions.contains { version in
                version.height > back && version.signers.contains { $0.text == "pl" }
            }
        }
    }

    @Test("Rules change by three of four; what breaks the mesh or is not signed is refused with its reason")
    func rulesAndRefusals() throws {
        let (running, operators) = try start()
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 1)
        func refusal(_ index: Int, _ arguments: String...) throws -> String {
            let result = try operators[index].attempt(arguments)
            #expect(result.status != 0, "\(arguments)")
            return result.errors
        }
        let cap = try refusal(0, "propose", "rules", "node_weight_maximum_q30=1000000")
        #expect(cap.contains("below the fair share of 1/4"), "\(cap)")
        let threshold = try refusal(0, "propose", "rules", "operator_threshold_numerator=1")
        #expect(threshold.contains("two groups could decide against each other"), "\(threshold)")
        #expect(try refusal(0, "propose", "remove", "it").contains("no member is called it"))
        #expect(try refusal(0, "propose", "rules", "retention_versions=1").contains("out of range"))

        let change = try operators[0].propose("rules", "min_contributions=2", "retention_versions=500")
        try operators[1].approve(change)

        // The same, handed over by hand with what is wrong with its signatures.
        let daemon = running.daemons[0]
        let record = try daemon.ask(ProposalRequest(action: DigestText(change)!)).proposal
        let signed = try SignedGovernanceAction(encoded: record.bytes)
        func submit(_ operators: [OperatorSignature]) throws {
            let altered = SignedGovernanceAction(action: signed.action, operators: operators)
            _ = try daemon.ask(ProposalSubmit(proposal: RecordText(bytes: altered.encoded)!, isCheck: false))
        }
        let first = signed.operators[0]
        let wrong = OperatorSignature(
            signer: first.signer, keyEpoch: first.keyEpoch, signature: signed.operators[1].signature)
        let retired = OperatorSignature(
            signer: first.signer, keyEpoch: first.keyEpoch + 1, signature: first.signature)
        for signatures in [[], [wrong], [retired]] {
            #expect(throws: ControlRefusal.self) { try submit(signatures) }
        }

        try operators[2].approve(change)
        try wait(forAction: change, at: daemon)
        try Condition.wait(for: "the new rules", seconds: 120) {
            try running.daemons.allSatisfy { daemon in
                try daemon.ask(RulesRequest()).entries.contains {
                    $0.name == "retention_versions" && $0.value == "500"
                }
            }
        }
        do {
            try submit(signed.operators)
            Issue.record("a replayed action was taken")
        } catch let refusal as ControlRefusal {
            #expect(refusal.message.contains("was used already"), "\(refusal.message)")
        }
    }

    @Test("Where the rules ask for a veto window, two vetoes keep a contribution out of the version")
    func veto() throws {
        var rules = Rules()
        rules.review = .vetoWindow
        rules.reviewSeconds = 20
        rules.minContributions = 3
        let (running, operators) = try start(rules: rules)
        defer { running.end() }
        running.train()
        let daemon = running.daemons[0]
        var target: ReviewedSlot?
        try Condition.wait(for: "the contribution of pl to be under review at two sites") {
            let seen = try [0, 1].map { index in
                try running.daemons[index].ask(ReviewsRequest(count: 100)).slots.first { $0.author.text == "pl" }
            }
            target = seen[0]
            return seen.allSatisfy { $0 != nil }
        }
        let contribution = try #require(target).contribution.text
        try operators[0].run("review", "veto", contribution)
        let again = try operators[0].attempt(["review", "veto", contribution])
        #expect(again.errors.contains("the first counts"), "\(again.errors)")
        try operators[1].run("review", "veto", contribution)
        try Condition.wait(for: "both vetoes at a third site") {
            try running.daemons[2].ask(ReviewsRequest(count: 100)).slots.contains {
                $0.contribution.text == contribution && $0.vetoes.count == 2 && $0.isBlockedByReview
            }
        }
        try running.wait(forHeight: 1)
        let version = try daemon.ask(VersionRequest(height: 1))
        #expect(version.summary.contributors.map(\.text).sorted() == ["de", "es", "fr"])
    }

    @Test(
        "A contribution is reverted by three of four; all heads are equal, and an auditor recomputes every version",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func revert(optimizer: InnerOptimizer) throws {
        var rules = Rules()
        rules.innerOptimizer = optimizer
        let (running, operators) = try start(rules: rules)
        defer { running.end() }
        running.train()
        try running.wait(forHeight: 3)
        let listed = try #require(try running.daemons[0].ask(VersionRequest(height: 2)).contributions.first)
        let digest = listed.contribution.text
        let preview = try running.daemons[0].ask(RevertPreviewRequest(contribution: listed.contribution))
        #expect(preview.from == 2 && preview.excludedCount == 1 && preview.affectedCount > 0 && preview.refusal == nil)

        let action = try operators[0].propose("revert", "contribution", digest)
        for index in [1, 2] { try operators[index].approve(action) }
        func carrying(_ kind: VersionResponse.Action) throws -> Int64? {
            let head = try running.heights([0])[0]
            return try (1...head).first { try running.daemons[0].ask(VersionRequest(height: $0)).action == kind }
        }
        try Condition.wait(for: "the replayed state to take over", seconds: 180) { try carrying(.switch) != nil }
        let decided = try #require(try carrying(.revert))
        let switched = try #require(try carrying(.switch))
        #expect(decided < switched)
        try running.wait(forHeight: switched + 2)

        let heads = try running.daemons.map { try $0.ask(VersionRequest(height: switched + 1)).summary.version }
        #expect(Set(heads).count == 1)
        let version = try running.daemons[0].ask(VersionRequest(height: 2))
        #expect(version.contributions.filter { $0.isReverted ?? false }.map(\.contribution.text) == [digest])
        #expect(try running.daemons[0].ask(VersionRequest(height: switched)).contributions.isEmpty)

        let mesh = running.mesh
        try operators[0].run("ledger", "export", mesh.folder + "/after.ledger", key: false)
        let audit = try Operator.run(
            [
                "verify", "--genesis", mesh.folder + "/genesis", "--ledger", mesh.folder + "/after.ledger", "--model",
                mesh.folder + "/model.safetensors", "--recompute",
            ], in: mesh.folder)
        #expect(audit.status == 0, "\(audit.output)\(audit.errors)")
        #expect(audit.output.contains("every version recomputed"), "\(audit.output)")
        try expectVerifiesFromDocuments(mesh, operators[0])
        let again = try operators[3].attempt(["propose", "revert", "contribution", digest, "--from", "2"])
        #expect(again.status != 0 && again.errors.contains("excluded already"), "\(again.errors)")
    }
}
