import Control
import Crypto
import Model
import System
import Tensor

/// The trainer's side of the rounds: which base it stands on, what it has done for it, what it keeps.
///
/// The checkpoint is written after training and before the contribution is handed over, with the trained parameters: a
/// trainer that dies in between hands the same contribution over when it comes back, and never trains a round twice.
final class MeshSession {
    private let layout: ModelLayout
    /// The id that contributions name.
    private let dataSet: Digest
    private let reportsLoss: Bool
    private let batches: BatchSeed
    private let text: BatchSampler
    private let heldOut: HeldOutLoss?
    private let stateDirectory: String
    private let checkpointSteps: Int
    /// The most steps to take beyond a hand-over, while the next version is waited for; nil for `roundsAheadDefault`.
    private let stepsAhead: Int?
    private let untilHeight: Int64?
    /// The steps taken since the last hand-over.
    private var lead: Lead?
    private var trainer: Trainer?
    /// What was found under --state, until it was taken up.
    private var kept: Checkpoint?
    /// The lowest number of a batch that is not drawn yet: extra steps use numbers above the step's.
    private var nextBatch = 0
    /// When the last line of rounds.jsonl was written, and the time in optimizer steps since.
    private var lineWritten: ContinuousClock.Instant?
    private var trainingTime = Duration.zero
    /// How long the last hand-over took: twice as long is left for the next one, a quarter of the time for the first.
    private var submissionTime: Duration?

    init(
        layout: ModelLayout, dataSet: Digest, reportsLoss: Bool, batches: BatchSeed, text: BatchSampler,
        heldOut: HeldOutLoss?, stateDirectory: String,
        checkpointSteps: Int, stepsAhead: Int?, untilHeight: Int64?
    ) {
        self.layout = layout
        self.dataSet = dataSet
        self.reportsLoss = reportsLoss
        self.batches = batches
        self.text = text
        self.heldOut = heldOut
        self.stateDirectory = stateDirectory
        self.checkpointSteps = checkpointSteps
        self.stepsAhead = stepsAhead
        self.untilHeight = untilHeight
    }

    /// Steps ahead by default, and at most, in rounds: a site up to eight times as fast as the rounds is never idle,
    /// and one whose mesh certifies nothing does not go far from its base.
    static let roundsAheadDefault = 8
    static let roundsAheadMaximum = 16

    private func aheadMaximum(innerSteps: Int, of trainer: Trainer) -> Int {
        // Under a shared optimizer they would be gradients of an old base, which an operator must ask for.
        if stepsAhead == nil, trainer.recipe.optimizer == .shared { return 0 }
        return min(stepsAhead ?? Self.roundsAheadDefault * innerSteps, Self.roundsAheadMaximum * innerSteps)
    }

    private var checkpointPath: String { stateDirectory + "/trainer.checkpoint" }

    /// Why it stopped working for a daemon.
    enum End {
        case lastRoundDone
        /// The members have changed the rules: they are fetched by attaching again.
        case rulesChanged
    }

    /// Works for the daemon at the other end until the last round is done, or the rules change.
    ///
    /// - Parameter progressed: called whenever a contribution was accepted or a version certified.
    func serve(_ daemon: DaemonConnection, progressed: () -> Void) throws -> End {
        guard let trainerDigest = DigestText(programDigest.description) else {
            preconditionFailure("a digest is 64 hexadecimal digits")
        }
        let attached = try daemon.call(
            TrainerAttach(protocolVersion: ControlSchema.protocolVersion, trainerDigest: trainerDigest))
        try ParameterTransfer.check(attached.layout, against: layout)
        let trainer = try preparedTrainer(attached)
        lead = nil
        Output.note(
            "attached to \(attached.site) at height \(attached.height), \(attached.innerSteps) steps a round, "
                + "optimizer \(trainer.recipe.optimizer)")
        progressed()

        var height = attached.height
        var version = attached.version
        var trainedSteps = attached.trainedSteps
        var isHandedOver = attached.isHandedOver
        var canGoAhead = false
        var rules = attached.rules
        while true {
            if let untilHeight, height >= untilHeight {
                try report(Certified(height: height, version: version), trainer: trainer, daemon: daemon)
                return .lastRoundDone
            }
            if !isHandedOver {
                guard rules == attached.rules else {
                    Output.note("the rules have changed at height \(height): attaching again")
                    return .rulesChanged
                }
                let newer = try reportingDivergence(to: daemon) {
                    try contribute(
                        to: version, height: height, firstStep: Int(trainedSteps), innerSteps: Int(attached.innerSteps),
                        trainer: trainer, daemon: daemon)
                }
                if let newer {
                    (height, version, trainedSteps, rules) = (
                        newer.height, newer.version, newer.trainedSteps, newer.rules
                    )
                    continue
                }
                progressed()
                canGoAhead = true
            }
            // Where another process handed over, its parameters are not known here.
            let next = try reportingDivergence(to: daemon) {
                canGoAhead && untilHeight != height + 1
                    ? try goAhead(
                        from: Int(trainedSteps + attached.innerSteps), of: height,
                        limit: aheadMaximum(innerSteps: Int(attached.innerSteps), of: trainer), trainer: trainer,
                        daemon: daemon)
                    : try daemon.nextVersion()
            }
            progressed()
            (height, version, trainedSteps, rules) = (next.height, next.version, next.trainedSteps, next.rules)
            isHandedOver = false
        }
    }

    /// Runs `body`; a divergence is told to the daemon too, so that the operator sees it in `status`.
    private func reportingDivergence<Result>(
        to daemon: DaemonConnection, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error where TrainerExit(error) == .diverged {
            // A daemon that is gone does not keep this error from the log.
            _ = try? daemon.call(TrainerTroubleReport(trouble: .nonFiniteLoss))
            throw error
        }
    }

    /// Waits for the version after `height` and trains on meanwhile, from step `first` on.
    private func goAhead(
        from first: Int, of height: Int64, limit: Int, trainer: Trainer, daemon: DaemonConnection
    ) throws -> RoundVersion {
        var ahead = Lead(start: Array(trainer.transformer.parameters))
        while ahead.steps < limit {
            if let newer = try daemon.takeAnnouncedVersion(), newer.height > height {
                lead = ahead
                return newer
            }
            ahead.add(loss: try takeStep(first + ahead.steps, trainer))
        }
        lead = ahead
        return try daemon.nextVersion()
    }

    /// - Returns: the loss; nil if the step was skipped.
    private func takeStep(_ step: Int, _ trainer: Trainer) throws -> Double? {
        let clock = ContinuousClock()
        let start = clock.now
        let batch = max(step, nextBatch)
        nextBatch = batch + 1
        let done = try trainer.takeStepIfFinite(step, batch: batch)
        trainingTime += clock.now - start
        guard let done else {
            Output.note("step \(step + 1): skipped, loss or gradient is not a finite number")
            return nil
        }
        return done.loss
    }

    /// Trains from `version` and hands over; returns the version that overtook it, if one did.
    private func contribute(
        to version: DigestText, height: Int64, firstStep: Int, innerSteps: Int, trainer: Trainer,
        daemon: DaemonConnection
    ) throws -> RoundVersion? {
        let base = try ParameterTransfer.base(version, layout: layout, from: daemon)
        let clock = ContinuousClock()
        let start = clock.now
        lineWritten = lineWritten ?? start
        let tag = MeshSession.tag(version)
        var step = firstStep
        var end = firstStep + innerSteps
        var loss = 0.0
        var skipped = 0
        let isShared = trainer.recipe.optimizer == .shared
        let progress = lead.map { $0.rebased(trainer.transformer.parameters, on: base) }
        base.withUnsafeBufferPointer { trainer.setParameters($0) }
        let baseLoss = try heldOut?.evaluate(trainer.transformer).natsPerByte
        if let kept, kept.context.0 & Self.heightMask == UInt64(height), kept.context.1 == tag,
            let trained = kept.parameters,
            (firstStep...firstStep + (Self.roundsAheadMaximum + 1) * innerSteps + Trainer.skippedStepsMaximum)
                .contains(Int(clamping: kept.nextStep))
        {
            // What was kept stands within this very round.
            trained.withUnsafeBufferPointer { trainer.setParameters($0) }
            step = Int(kept.nextStep)
            loss = Double(bitPattern: kept.context.2)
            skipped = Int(kept.context.0 >> Self.skippedShift)
        } else if let lead, let progress {
            progress.withUnsafeBufferPointer { trainer.setParameters($0) }
            (step, loss, skipped) = (firstStep + lead.steps, lead.loss, lead.skippedSteps)
            end = max(end, step + lead.stepsOnBase(innerSteps: innerSteps))
        } else if isShared {
            trainer.optimizer.clearGradients()
        }
        let stepsAhead = lead?.steps ?? 0
        lead = nil
        kept = nil

        func save() throws {
            try CheckpointFile.write(
                trainer.checkpoint(
                    nextStep: step, nextBatch: nextBatch, includingParameters: true,
                    context: (UInt64(height) | UInt64(skipped) << Self.skippedShift, tag, loss.bitPattern)),
                to: checkpointPath, full: { _ = try? daemon.call(TrainerTroubleReport(trouble: .diskFull)) })
        }
        var overtakenBy: RoundVersion?
        var stepTime = Duration.zero
        // A round has at least one step that counts, if any can be taken.
        while step < end || step - firstStep == skipped {
            if step - firstStep > skipped, let (remaining, told) = daemon.timeUntilClosing(of: version),
                remaining < stepTime + (submissionTime.map { $0 * 2 } ?? told / 4)
            {
                Output.note(
                    "round \(height + 1) closes: handing over after \(step - firstStep) of \(end - firstStep) steps")
                break
            }
            let stepStart = clock.now
            if let done = try takeStep(step, trainer) { loss += done } else { skipped += 1 }
            step += 1
            if (step - firstStep) % checkpointSteps == 0, step < end { try save() }
            if let newer = try daemon.takeAnnouncedVersion(), newer.height > height {
                Output.note(
                    "round \(height + 1) was certified without us: what was trained goes into a later contribution")
                overtakenBy = newer
                break
            }
            stepTime = max(stepTime, clock.now - stepStart)
        }
        let steps = step - firstStep - skipped
        let trained = clock.now
        try save()
        guard steps > 0 else {
            Output.note("round \(height + 1): no step could be taken, so there is nothing to hand over")
            return try overtakenBy ?? daemon.nextVersion()
        }
        let tokensPerStep = trainer.recipe.batchSequences * layout.configuration.contextLength
        guard let dataset = DigestText(dataSet.description) else {
            preconditionFailure("a digest is 64 hexadecimal digits")
        }
        let record = RoundRecord(
            height: height, steps: steps, tokens: steps * tokensPerStep,
            trainingLoss: loss / Double(steps), reportsLoss: reportsLoss, dataset: dataset)
        let committed: ContributionCommitted
        do {
            committed = try ParameterTransfer.contribute(
                {
                    isShared
                        ? trainer.optimizer.meanGradient(at: $0, of: steps)
                        : trainer.transformer.parameters[$0] - base[$0]
                },
                version: version, record: record, layout: layout, to: daemon)
            if isShared { trainer.optimizer.clearGradients() }
        } catch let refusal as ControlRefusal where refusal.reason == .wrongBase {
            guard !isShared else {
                // A gradient of a base that is no longer taken says little about the next one.
                Output.note("round \(height + 1): too late; its gradient is dropped")
                return try overtakenBy ?? daemon.nextVersion()
            }
            Output.note("round \(height + 1): too late; what was trained is added to the next base")
            lead = Lead(lateFrom: base, steps: step - firstStep, skippedSteps: skipped, loss: loss)
            return try overtakenBy ?? daemon.nextVersion()
        } catch let refusal as ControlRefusal where refusal.reason == .notAMember {
            Output.note("round \(height + 1): this site is not a member yet; waiting for the next version")
            return try overtakenBy ?? daemon.nextVersion()
        } catch let refusal as ControlRefusal where refusal.reason == .duplicate {
            Output.note("round \(height + 1): handed over before")
            if isShared { trainer.optimizer.clearGradients() }
            return overtakenBy
        }
        self.submissionTime = clock.now - trained
        let seconds = (clock.now - (lineWritten ?? start)) / .seconds(1)
        try log(
            RoundLine(
                height: height, heldOutLoss: baseLoss, trainingLoss: record.trainingLoss, steps: record.steps,
                stepsAhead: stepsAhead, tokens: record.tokens, seconds: seconds,
                trainingSeconds: trainingTime / .seconds(1), contributionBytes: committed.bytes))
        (lineWritten, trainingTime) = (clock.now, .zero)
        Output.progress(
            "round \(height + 1): \(steps) steps" + (stepsAhead > 0 ? ", \(stepsAhead) of them ahead" : "")
                + " in \(Output.fixed(seconds, 1)) s, training loss "
                + Output.fixed(record.trainingLoss, 4)
                + (baseLoss.map { ", base held out \(Output.fixed($0, 4))" } ?? "")
                + ", contribution \(committed.bytes) bytes")
        return overtakenBy
    }

    private struct Certified {
        let height: Int64
        let version: DigestText
    }

    /// One line of `rounds.jsonl`: the base of this height and what was trained from it.
    private struct RoundLine: Encodable {
        let height: Int64
        let heldOutLoss: Double?
        let trainingLoss: Double?
        let steps: Int
        /// Of these, steps that were taken before the base was certified.
        let stepsAhead: Int
        let tokens: Int
        /// Since the line before, or since this round began.
        let seconds: Double
        /// Of these, in optimizer steps, those ahead included.
        let trainingSeconds: Double
        let contributionBytes: Int64?
    }

    /// The last base is measured too, so that the curve ends where the run ends.
    private func report(_ certified: Certified, trainer: Trainer, daemon: DaemonConnection) throws {
        guard let heldOut else { return }
        let base = try ParameterTransfer.base(certified.version, layout: layout, from: daemon)
        base.withUnsafeBufferPointer { trainer.setParameters($0) }
        let loss = try heldOut.evaluate(trainer.transformer).natsPerByte
        try log(
            RoundLine(
                height: certified.height, heldOutLoss: loss, trainingLoss: nil, steps: 0, stepsAhead: 0, tokens: 0,
                seconds: 0, trainingSeconds: 0, contributionBytes: nil))
        Output.progress("height \(certified.height): base held out \(Output.fixed(loss, 4))")
    }

    private func log(_ line: RoundLine) throws {
        let path = stateDirectory + "/rounds.jsonl"
        let bytes = try Output.json(line) + [0x0A]
        try DiskSpace.waiting { () throws(FileError) in try File.append(bytes, to: path) }
    }

    /// The trainer with the network's recipe, as the checkpoint has it where there is one: after a lost connection too,
    /// so that a round which was cut off leaves no trace in the moments.
    private func preparedTrainer(_ attached: TrainerAttached) throws -> Trainer {
        let recipe = try recipe(attached)
        let made: Trainer
        if let trainer, trainer.recipe.isSame(as: recipe) {
            made = trainer
        } else {
            made = Trainer(
                layout: layout, parameters: [Float](repeating: 0, count: layout.parameterCount), recipe: recipe,
                text: text)
        }
        trainer = made
        if let checkpoint = try CheckpointFile.read(checkpointPath, layout: layout) {
            nextBatch = max(nextBatch, Int(clamping: checkpoint.nextBatch))
            guard made.isFromSameOptimizer(checkpoint) else {
                Output.note("the rules ask for another optimizer than before: its moments start at zero")
                return made
            }
            try made.restore(checkpoint)
            kept = checkpoint
            Output.note("resuming: \(checkpoint.updates) steps were taken before")
        }
        return made
    }

    /// The recipe that the rules prescribe.
    private func recipe(_ attached: TrainerAttached) throws -> TrainingRecipe {
        let schedule = attached.schedule
        guard (1...65_536).contains(schedule.batchSequences),
            (1...1_000_000_000).contains(schedule.muonLearningRateNano),
            (1...1 << 30).contains(attached.innerSteps), (0...1 << 32).contains(attached.height),
            (0...1 << 52).contains(attached.trainedSteps)
        else { throw ControlClientError.unexpected("a schedule that is out of range: \(schedule)") }
        return TrainingRecipe(
            schedule: try LearningRateSchedule(schedule), batchSequences: Int(schedule.batchSequences),
            batches: batches,
            optimizer: optimizer(schedule))
    }

    private func optimizer(_ schedule: InnerSchedule) -> OptimizerKind {
        switch schedule.optimizer {
        case .adamW: .adamW
        case .muon: .muon(peak: Double(schedule.muonLearningRateNano) * 1e-9)
        case .sharedAdamW: .shared
        }
    }

    /// Names this program and its settings in every contribution.
    private var programDigest: Digest {
        let settings = "meshtrain 2\nadamw 0.9 0.95 muon 0.95 decay 0.1 clip 1\nlayout \(layout.parameters.digest)"
        return Digest(DigestDomain("mesh/trainer"), Array(settings.utf8))
    }

    /// The first number of a checkpoint's context has the height in its lower bits, and the skipped steps above.
    private static let skippedShift: UInt64 = 40
    private static let heightMask: UInt64 = 1 << skippedShift - 1

    /// Tells bases of one height apart in a checkpoint.
    private static func tag(_ version: DigestText) -> UInt64 {
        UInt64(version.text.prefix(16), radix: 16) ?? 0
    }
}
