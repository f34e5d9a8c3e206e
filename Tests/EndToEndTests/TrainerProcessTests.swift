import Control
import Crypto
import Foundation
import Ledger
import Tensor
import TestKit
import Testing

/// `meshtrain` as a process: what it waits for, and how it ends if waiting does not help.
@Suite(.serialized)
struct TrainerProcessTests {
    private static let text = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/Ledger").path

    private final class Run {
        let process: ChildProcess
        let errorPath: String
        var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

        init(_ arguments: [String], prefix: String = "", in folder: String) throws {
            errorPath = folder + "/meshtrain-\(UInt64.random(in: 0...UInt64.max)).err"
            process = try ChildProcess(
                "/bin/sh",
                ["-c", prefix + " exec \"$0\" \"$@\"", Command.path(ofProduct: "meshtrain")] + arguments,
                errors: .file(errorPath))
        }

        func end() throws -> ChildProcess.End { try process.wait() }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/meshtrain-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func makeModel(_ folder: String) throws -> String {
        let model = folder + "/model"
        #expect(try Run(["init", "--preset", "tiny", "--out", model], in: folder).end() == .exited(0))
        return model
    }

    /// Version 0 of a small model, in a folder that goes.
    private func withModel(
        _ body: (_ folder: String, _ model: String, _ layout: ParameterLayout, _ values: [Float]) throws -> Void
    ) throws {
        try withFolder { folder in
            let model = try makeModel(folder)
            let tensors = try SafetensorsModel(path: model)
            let layout = try tensors.layout()
            try body(folder, model, layout, try tensors.parameters(layout).readAll())
        }
    }

    /// Two sites whose daemons run, with steps of one sequence.
    private func withTwoSites(
        innerSteps: UInt32, minContributions: UInt32, roundDeadlineMilliseconds: Int, approvals: UInt32 = 0,
        optimizer: InnerOptimizer = .adamW,
        _ body: (_ folder: String, _ model: String, _ mesh: Mesh, _ daemons: [DaemonProcess]) throws -> Void
    ) throws {
        try withModel { folder, model, layout, values in
            var rules = Rules()
            rules.innerSteps = innerSteps
            rules.batchSequences = 1
            rules.minContributions = minContributions
            rules.innerOptimizer = optimizer
            rules.approvals = approvals
            if approvals > 0 { rules.review = .approve }
            let mesh = try Mesh(
                ["a", "b"], layout: layout, values: values, rules: rules,
                timing: "round_deadline_milliseconds = \(roundDeadlineMilliseconds)")
            defer { mesh.remove() }
            let daemons = try mesh.sites.map(DaemonProcess.init)
            defer { for daemon in daemons { daemon.killNow() } }
            try body(folder, model, mesh, daemons)
        }
    }

    @Test("init never replaces a file, and what it writes is readable for other accounts") func initNeverOverwrites()
        throws
    {
        try withFolder { folder in
            let model = try makeModel(folder)
            let weights = model + "/model.safetensors"
            let before = try Data(contentsOf: URL(filePath: weights))
            let again = try Run(["init", "--preset", "tiny", "--seed", "7", "--out", model], in: folder)
            #expect(try again.end() == .exited(65))
            #expect(again.errors.contains("exists already"))
            #expect(try Data(contentsOf: URL(filePath: weights)) == before)
            var status = stat()
            #expect(stat(weights, &status) == 0 && status.st_mode & 0o044 == 0o044)
        }
    }

    @Test("A model of another network ends the trainer with a status of its own, not as a usage error")
    func endsOnOtherModel() throws {
        let mesh = try Mesh(["a", "b", "c", "d"], parameters: 2000)
        defer { mesh.remove() }
        let model = try makeModel(mesh.folder)
        let daemon = try DaemonProcess(mesh.sites[0])
        defer { daemon.killNow() }
        let run = try Run(
            [
                "run", "--socket", mesh.sites[0].trainerSocket, "--model", model, "--data", Self.text, "--state",
                mesh.folder + "/trainer",
            ], in: mesh.folder)
        #expect(try run.end() == .exited(65))
        #expect(run.errors.contains("error: ") && !run.errors.contains("Usage:"))
    }

    @Test("A loss that is not finite is told to the daemon, shown in status, and ends the trainer")
    func tellsDivergence() throws {
        try withFolder { folder in
            let model = try makeModel(folder)
            let tensors = try SafetensorsModel(path: model)
            let layout = try tensors.layout()
            let values = try tensors.parameters(layout).readAll().map { $0 * 1e30 }
            let mesh = try Mesh(["a", "b", "c", "d"], layout: layout, values: values)
            defer { mesh.remove() }
            let daemon = try DaemonProcess(mesh.sites[0])
            defer { daemon.killNow() }
            let run = try Run(
                [
                    "run", "--socket", mesh.sites[0].trainerSocket, "--model", model, "--data", Self.text, "--state",
                    mesh.folder + "/trainer",
                ], in: mesh.folder)
            #expect(try run.end() == .exited(70))
            #expect(run.errors.contains("not a finite number"))
            let status = try daemon.status()
            #expect(status.trainerTrouble == .nonFiniteLoss)
            #expect(status.alarms.contains { $0.kind == .trainer })
        }
    }

    /// The number of the next step, and of the next batch, that a trainer has written down.
    private struct Position: Equatable {
        let nextStep: Int
        let nextBatch: Int

        /// The fifth and sixth word behind the magic (`Checkpoint`).
        init(checkpoint path: String) throws {
            let bytes = try Data(contentsOf: URL(filePath: path))
            func word(_ index: Int) -> Int {
                bytes[(8 + 8 * index)..<(16 + 8 * index)].reversed().reduce(0) { $0 << 8 | Int($1) }
            }
            (nextStep, nextBatch) = (word(4), word(5))
        }

        init(nextStep: Int, nextBatch: Int) { (self.nextStep, self.nextBatch) = (nextStep, nextBatch) }
    }

    /// What a trainer in `folder` has written down of its rounds.
    private func roundLines(_ folder: String) throws -> [[String: Any]] {
        try String(contentsOfFile: folder + "/rounds.jsonl", encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    /// Rounds of three steps with a site that hands over once the trainer has stopped computing.
    ///
    /// - Parameter heights: at which the trainer ends, and is started again if more follow.
    /// - Returns: the lines of the faster site's trainer, and its position after each of its runs.
    private func roundsBesideSlowerSite(
        _ options: [String], optimizer: InnerOptimizer = .adamW, until heights: [Int64] = [4]
    ) throws -> (lines: [[String: Any]], positions: [Position]) {
        var lines: [[String: Any]] = []
        var positions: [Position] = []
        try withTwoSites(
            innerSteps: 3, minContributions: 2, roundDeadlineMilliseconds: 60_000, optimizer: optimizer
        ) { _, model, mesh, daemons in
            let other = try DaemonClient.connect(to: mesh.sites[1].trainerSocket, seconds: 60)
            let welcome = try other.request(ScriptedTrainer.attach)
            let counts = welcome.layout.map { $0.shape.reduce(1) { $0 * Int($1) } }
            var (height, base) = (welcome.height, welcome.version)
            for last in heights {
                let run = try Run(
                    [
                        "run", "--socket", mesh.sites[0].trainerSocket, "--model", model, "--data", Self.text,
                        "--state", mesh.folder + "/trainer", "--evaluate-bytes", "0", "--until-height", "\(last)",
                    ] + options, in: mesh.folder)
                defer { run.process.send(SIGTERM) }
                while height < last {
                    try Condition.wait(for: "the trainer's contribution to version \(height + 1)", seconds: 120) {
                        let status = try daemons[0].status()
                        return status.height == height && status.trainer == .done
                    }
                    try waitUntilIdle(run.process.identifier)
                    _ = try ScriptedTrainer.submit(other, base: base, seed: UInt64(height), counts: counts)
                    let next = try #require(try other.nextVersion(after: height, seconds: 120))
                    (height, base) = (next.height, next.version)
                }
                #expect(try run.end() == .exited(0))
                positions.append(try Position(checkpoint: mesh.folder + "/trainer/trainer.checkpoint"))
            }
            lines = try roundLines(mesh.folder + "/trainer")
        }
        return (lines, positions)
    }

    /// Waits until a process was asleep, with no processor time used in between, at many looks in a row.
    private func waitUntilIdle(_ identifier: pid_t) throws {
        var (last, looks) = ("", 0)
        try Condition.wait(for: "the trainer to wait", seconds: 120) {
            let text = try String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
            let fields = text.split(separator: " ")
            let now = fields[2...14].joined(separator: " ")
            looks = fields[2] == "S" && now == last ? looks + 1 : 0
            last = now
            return looks == 20
        }
    }

    @Test(
        "A trainer goes on while its contribution travels, and each round still has as many steps as the rules say",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func goesAhead(optimizer: InnerOptimizer) throws {
        let (lines, positions) = try roundsBesideSlowerSite(["--steps-ahead", "3"], optimizer: optimizer)
        #expect(lines.count == 4)
        #expect(lines.allSatisfy { $0["steps"] as? Int == 3 })
        #expect(lines.map { $0["steps_ahead"] as? Int } == [0, 3, 3, 3])
        #expect(positions == [Position(nextStep: 12, nextBatch: 12)])
    }

    @Test("Under a shared optimizer a trainer waits for each version, if the operator does not ask for steps ahead")
    func waitsUnderSharedOptimizer() throws {
        let (lines, positions) = try roundsBesideSlowerSite([], optimizer: .sharedAdamW)
        #expect(lines.map { $0["steps_ahead"] as? Int } == [0, 0, 0, 0])
        #expect(positions == [Position(nextStep: 12, nextBatch: 12)])
    }

    @Test(
        "A site that is faster than the rounds trains on for eight rounds' steps, then a round's on the new base; all count, and a restart draws no batch again"
    )
    func takesMoreSteps() throws {
        let (lines, positions) = try roundsBesideSlowerSite([], until: [4, 5])
        #expect(lines.map { $0["steps_ahead"] as? Int } == [0, 24, 24, 24, 0])
        #expect(lines.map { $0["steps"] as? Int } == [3, 27, 27, 27, 3])
        // Each of the 84 and 87 steps has drawn a batch of its own; the schedule goes by rounds of three.
        #expect(
            positions == [Position(nextStep: 9 + 27, nextBatch: 84), Position(nextStep: 12 + 3, nextBatch: 84 + 3)])
        for line in lines {
            let (all, training) = (line["seconds"] as? Double ?? 0, line["training_seconds"] as? Double ?? 0)
            #expect(training > 0 && training <= all)
        }
    }

    @Test(
        "What comes too late goes into the next contribution; a gradient that does is dropped",
        arguments: [InnerOptimizer.adamW, .sharedAdamW])
    func comesTooLate(optimizer: InnerOptimizer) throws {
        try withTwoSites(
            innerSteps: 50, minContributions: 1, roundDeadlineMilliseconds: 1000, optimizer: optimizer
        ) { _, model, mesh, daemons in
            let state = mesh.folder + "/trainer"
            let run = try Run(
                [
                    "run", "--socket", mesh.sites[0].trainerSocket, "--model", model, "--data", Self.text, "--state",
                    state, "--evaluate-bytes", "0", "--steps-ahead", "0", "--checkpoint-steps", "1",
                ], in: mesh.folder)
            defer { run.process.send(SIGKILL) }
            let other = try DaemonClient.connect(to: mesh.sites[1].trainerSocket, seconds: 60)
            let welcome = try other.request(ScriptedTrainer.attach)
            let counts = welcome.layout.map { $0.shape.reduce(1) { $0 * Int($1) } }
            var (height, base, isHandedOver) = (welcome.height, welcome.version, false)
            func submit() throws {
                guard !isHandedOver else { return }
                _ = try ScriptedTrainer.submit(other, base: base, seed: UInt64(height), counts: counts)
                isHandedOver = true
            }
            func takeVersion() throws {
                guard let next = try other.nextVersion(after: height, seconds: 0.1) else { return }
                (height, base, isHandedOver) = (next.height, next.version, false)
            }
            var stoppedAt: Int64 = 0
            try Condition.wait(for: "the trainer to be stopped within a round", seconds: 120) {
                run.process.send(SIGSTOP)
                let status = try daemons[0].status()
                stoppedAt = status.height
                let position = try? Position(checkpoint: state + "/trainer.checkpoint")
                let stepsBefore = 50 * Int(stoppedAt)
                if status.trainer == .training, let position,
                    (stepsBefore + 1..<stepsBefore + 40).contains(position.nextStep)
                {
                    return true
                }
                run.process.send(SIGCONT)
                if status.trainer == .done { try submit() }
                try takeVersion()
                return false
            }
            try Condition.wait(for: "versions without the trainer", seconds: 120) {
                try submit()
                try takeVersion()
                return try daemons[0].status().height > stoppedAt + Int64(Rules().maxStaleness) + 1
            }
            run.process.send(SIGCONT)
            var rounds: [[String: Any]] = []
            try Condition.wait(for: "the trainer's next contribution", seconds: 120) {
                try submit()
                try takeVersion()
                rounds = ((try? roundLines(state)) ?? []).filter { ($0["height"] as? Int ?? 0) > stoppedAt }
                return !rounds.isEmpty
            }
            let ahead = try #require(rounds.first?["steps_ahead"] as? Int)
            if optimizer.isShared {
                #expect(run.errors.contains("too late; its gradient is dropped"), "\(run.errors)")
                #expect(ahead == 0)
            } else {
                #expect(run.errors.contains("too late; what was trained is added to the next base"), "\(run.errors)")
                #expect(ahead >= 1)
            }
        }
    }

    @Test("A site scores what is under review by its own text: what it trained lowers its loss, noise raises it")
    func scoresContributions() throws {
        try withTwoSites(
            innerSteps: 5, minContributions: 2, roundDeadlineMilliseconds: 600_000, approvals: 1
        ) { _, model, mesh, daemons in
            let common = ["--model", model, "--data", Self.text]
            let run = try Run(
                ["run", "--socket", mesh.sites[0].trainerSocket, "--state", mesh.folder + "/trainer"] + common
                    + ["--evaluate-bytes", "0", "--steps-ahead", "0"], in: mesh.folder)
            defer { run.process.send(SIGTERM) }
            let other = try DaemonClient.connect(to: mesh.sites[1].trainerSocket, seconds: 60)
            let welcome = try other.request(ScriptedTrainer.attach)
            _ = try ScriptedTrainer.submit(
                other, base: welcome.version, seed: 1,
                counts: welcome.layout.map { $0.shape.reduce(1) { $0 * Int($1) } }, largest: 100)
            func reviewed() throws -> [ReviewedSlot] { try daemons[0].ask(ReviewsRequest(count: 100)).slots }
            try Condition.wait(for: "two contributions under review", seconds: 120) { try reviewed().count == 2 }

            let score = ["score", "--bytes", "8192"] + common
            func scores(_ arguments: [String]) throws -> [[String: Any]] {
                let result = try Command(Command.path(ofProduct: "meshtrain"), in: mesh.folder).run(
                    score + ["--socket", mesh.sites[0].operatorSocket, "--json"] + arguments)
                #expect(result.status == 0, "\(result.errors)")
                let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
                return try #require(json?["scores"] as? [[String: Any]])
            }
            let pending = try scores([])
            func entry(_ author: String, _ scores: [[String: Any]]) throws -> [String: Any] {
                try #require(scores.first { $0["author"] as? String == author })
            }
            let (own, noise) = (try entry("a", pending), try entry("b", pending))
            #expect(pending.count == 2)
            #expect(try #require(own["loss_change"] as? Double) < 0)
            #expect(try #require(noise["loss_change"] as? Double) > 0)
            #expect(own["own_cosine"] == nil)
            let cosine = try #require(noise["own_cosine"] as? Double)
            #expect(cosine != 0 && abs(cosine) < 0.2)
            // The only other one is this site's own: what is left of it beside values ten thousand times as large is exact.
            #expect(abs(try #require(noise["others_cosine"] as? Double) - cosine) < 1e-6 * abs(cosine))

            let refused = try Run(
                score + ["--socket", mesh.sites[0].trainerSocket], in: mesh.folder)
            #expect(try refused.end() == .exited(64))

            // What was under review is judged alike once a version lists it.
            for (site, author) in [(0, "b"), (1, "a")] {
                let digest = try #require(try entry(author, pending)["contribution"] as? String)
                try Operator(site: mesh.sites[site]).run("review", "approve", digest)
            }
            try Condition.wait(for: "version 1", seconds: 120) { try daemons[0].status().height >= 1 }
            let listed = try scores(["--height", "1"])
            for author in ["a", "b"] {
                #expect(
                    try entry(author, listed)["loss_change"] as? Double
                        == entry(author, pending)["loss_change"] as? Double)
            }
        }
    }

    @Test("A trainer that is slower than the round hands over what it has when the round closes")
    func handsOverInTime() throws {
        try withTwoSites(
            innerSteps: 100_000, minContributions: 1, roundDeadlineMilliseconds: 10_000
        ) { folder, model, mesh, daemons in
            // Little text, or a debug build measures the held-out loss for as long as the round takes.
            let text = folder + "/text"
            try FileManager.default.createDirectory(atPath: text, withIntermediateDirectories: true)
            for file in 0..<8 {
                let lines = (0..<20).map { "Line \($0) of file \(file) says \($0 * $0 + file)." }
                try lines.joined(separator: "\n\n").write(
                    toFile: text + "/\(file).txt", atomically: true, encoding: .utf8)
            }
            let run = try Run(
                [
                    "run", "--socket", mesh.sites[0].trainerSocket, "--model", model, "--data", text, "--state",
                    mesh.folder + "/trainer",
                ], in: mesh.folder)
            defer { run.process.send(SIGTERM) }
            let fast = try DaemonClient.connect(to: mesh.sites[1].trainerSocket, seconds: 60)
            let welcome = try fast.request(ScriptedTrainer.attach)
            let counts = welcome.layout.map { $0.shape.reduce(1) { $0 * Int($1) } }
            var (height, base, isHandedOver) = (welcome.height, welcome.version, false)
            var listed: [ContributionSummary] = []
            try Condition.wait(for: "a version that lists the slow site", seconds: 240) {
                let status = try daemons[0].status()
                if !isHandedOver, status.height == height, status.trainer == .training {
                    _ = try ScriptedTrainer.submit(fast, base: base, seed: UInt64(height), counts: counts)
                    isHandedOver = true
                }
                guard let next = try fast.nextVersion(after: height, seconds: 0.2) else { return false }
                (height, base, isHandedOver) = (next.height, next.version, false)
                listed = try daemons[1].ask(ContributionsRequest(height: height)).contributions
                    .filter { $0.author.text == "a" && $0.weightMillionths != nil }
                return !listed.isEmpty
            }
            #expect(run.errors.contains("closes: handing over after"))
            let steps = try #require(listed.first).steps
            #expect(steps > 0 && steps < 100_000)
        }
    }

    @Test("Sites with a shared optimizer learn without steps of their own, and a trainer that was killed goes on")
    func trainsWithSharedOptimizer() throws {
        try withModel { folder, model, layout, values in
            var rules = Rules()
            rules.innerOptimizer = .sharedAdamW
            rules.innerSteps = 2
            rules.batchSequences = 2
            rules.minContributions = 2
            rules.encoding = .topK(kept: 128, bits: 2)
            rules.errorFeedbackQ16 = 62_259
            rules.innerLearningRateNano = 10_000_000
            (rules.warmupSteps, rules.scheduleSteps) = (4, 1000)
            let mesh = try Mesh(
                ["a", "b"], layout: layout, values: values, rules: rules,
                timing: "round_deadline_milliseconds = 60000")
            defer { mesh.remove() }
            let daemons = try mesh.sites.map(DaemonProcess.init)
            defer { for daemon in daemons { daemon.killNow() } }
            func train(_ index: Int, until height: Int) throws -> Run {
                try Run(
                    [
                        "run", "--socket", mesh.sites[index].trainerSocket, "--model", model, "--data", Self.text,
                        "--evaluate-bytes", "4000", "--until-height", "\(height)", "--state",
                        "\(mesh.folder)/trainer-\(index)",
                    ], in: mesh.folder)
            }
            let first = try train(0, until: 30)
            defer { first.process.send(SIGKILL) }
            let killed = try train(1, until: 30)
            defer { killed.process.send(SIGKILL) }
            try Condition.wait(for: "some versions", seconds: 120) { try daemons[0].status().height >= 10 }
            killed.process.send(SIGKILL)
            _ = try killed.end()
            let second = try train(1, until: 30)
            #expect(try first.end() == .exited(0), "\(first.errors)")
            #expect(try second.end() == .exited(0), "\(second.errors)")
            #expect(first.errors.contains("2 steps a round, optimizer shared by all sites"))
            let losses = try String(contentsOfFile: mesh.folder + "/trainer-0/rounds.jsonl", encoding: .utf8)
                .split(separator: "\n").compactMap { line in
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                }.compactMap { $0["held_out_loss"] as? Double }
            // A byte costs log 256 = 5.5 at first.
            let (start, end) = (try #require(losses.first), try #require(losses.last))
            #expect(start > 5 && end < 4, "\(losses)")
        }
    }

    @Test(
        "Under a shared optimizer a score says what the version becomes, and an export has the optimizer's state, offline too"
    )
    func scoresAndExportsSharedOptimizer() throws {
        try withModel { folder, model, layout, values in
            var rules = Rules()
            rules.innerOptimizer = .sharedAdamW
            (rules.innerSteps, rules.batchSequences, rules.minContributions) = (2, 1, 1)
            rules.encoding = .topK(kept: 64, bits: 2)
            rules.innerLearningRateNano = 10_000_000
            (rules.warmupSteps, rules.scheduleSteps, rules.maxStaleness) = (4, 20, 3)
            let mesh = try Mesh(["a"], layout: layout, values: values, rules: rules)
            defer { mesh.remove() }
            let site = mesh.sites[0]
            let daemon = try DaemonProcess(site)
            defer { daemon.killNow() }
            let common = ["--model", model, "--data", Self.text]
            let run = try Run(
                ["run", "--socket", site.trainerSocket, "--evaluate-bytes", "0", "--until-height", "6"] + common
                    + ["--state", mesh.folder + "/trainer"], in: mesh.folder)
            #expect(try run.end() == .exited(0), "\(run.errors)")

            func score(_ height: Int) throws -> (base: Double, change: Double) {
                let result = try Command(Command.path(ofProduct: "meshtrain"), in: mesh.folder).run(
                    ["score", "--socket", site.operatorSocket, "--bytes", "4096", "--json", "--height", "\(height)"]
                        + common)
                #expect(result.status == 0, "\(result.errors)")
                let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
                let base = try #require((json?["base_losses"] as? [String: Double])?["\(height - 1)"])
                let scores = try #require(json?["scores"] as? [[String: Any]])
                #expect(scores.count == 1)
                return (base, try #require(scores.first?["loss_change"] as? Double))
            }
            // A version of one contribution is what follows from it alone at full weight.
            let (fifth, sixth) = (try score(5), try score(6))
            #expect(fifth.change != 0)
            #expect(abs(fifth.base + fifth.change - sixth.base) < 1e-6)

            let (online, offline) = (mesh.folder + "/online", mesh.folder + "/offline")
            let control = Operator(site: site)
            try control.run("export", online, key: false)
            try control.run("ledger", "export", mesh.folder + "/a.ledger", key: false)
            try control.run(
                "export", offline, "--ledger", mesh.folder + "/a.ledger", "--model", mesh.folder, key: false)
            for name in ["model.safetensors", "optimizer/state.safetensors"] {
                #expect(
                    try Data(contentsOf: URL(filePath: online + "/" + name))
                        == Data(contentsOf: URL(filePath: offline + "/" + name)))
            }
            let file = try SafetensorsFile(path: online + "/optimizer/state.safetensors")
            #expect(file.metadata[ExactText("mesh.optimizer_steps")] == "12")
            let moments = try ParameterLayout(layout.tensors.map { ("exp_avg_sq." + $0.name, $0.shape) })
            let second = try file.parameters(moments).readAll()
            #expect(second.allSatisfy { $0 >= 0 } && second.contains { $0 > 0 })
            let root = try ParameterFile.tree(of: ParameterArray(second + [12])).root
            #expect(file.metadata[ExactText("mesh.optimizer_root")] == root.description)
        }
    }

    @Test("A trainer that runs takes up rules that the members change: steps, optimizer")
    func followsRules() throws {
        try withModel { folder, model, layout, values in
            var rules = Rules()
            rules.innerSteps = 2
            rules.batchSequences = 1
            let mesh = try Mesh(["a"], layout: layout, values: values, rules: rules)
            defer { mesh.remove() }
            let site = mesh.sites[0]
            let daemon = try DaemonProcess(site)
            defer { daemon.killNow() }
            let run = try Run(
                [
                    "run", "--socket", site.trainerSocket, "--model", model, "--data", Self.text, "--text-limit",
                    "20000",
                    // A step ahead would bring the third step under the rules of two.
                    "--evaluate-bytes", "0", "--steps-ahead", "0", "--state", mesh.folder + "/trainer",
                ], in: mesh.folder)
            defer { run.process.send(SIGTERM) }
            func steps() throws -> Int64? {
                let height = try daemon.status().height
                return try daemon.ask(ContributionsRequest(height: height)).contributions.first?.steps
            }
            try Condition.wait(for: "a version of two steps", seconds: 120) { try steps() == 2 }
            #expect(run.errors.contains("2 steps a round, optimizer adamw"))
            _ = try Operator(site: site).propose("rules", "inner_steps=3", "inner_optimizer=muon")
            try Condition.wait(for: "a version of three steps", seconds: 120) { try steps() == 3 }
            #expect(run.errors.contains("the rules have changed"))
            #expect(run.errors.contains("3 steps a round, optimizer muon (0.02)"))
            #expect(run.errors.contains("another optimizer than before"))
        }
    }

    @Test(
        "A full disk leaves no partial checkpoint, and is waited for",
        .disabled(if: Sanitizer.isThreadSanitizer, "the thread sanitizer does not start under a limit of file sizes"))
    func waitsForRoom() throws {
        try withFolder { folder in
            let model = try makeModel(folder)
            let run = try Run(
                [
                    "solo", "--model", model, "--data", Self.text, "--steps", "1", "--batch", "1", "--checkpoint",
                    folder + "/checkpoint",
                ], prefix: "ulimit -f 200;", in: folder)
            try Condition.wait(for: "the message", seconds: 120) { run.errors.contains("waiting for room") }
            #expect(run.process.isRunning, "\(run.errors)")
            #expect(run.errors.contains("File too large"))
            #expect(!FileManager.default.fileExists(atPath: folder + "/checkpoint.partial"))
            #expect(!FileManager.default.fileExists(atPath: folder + "/checkpoint"))
        }
    }
}
