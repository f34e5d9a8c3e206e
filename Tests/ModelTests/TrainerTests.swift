import Testing

@testable import Model

/// Text with a pattern that a micro model can learn, and a trainer on it.
func microTrainer(parameters: [Float]? = nil, steps: Int = 40, seed: UInt64 = 9, optimizer: OptimizerKind = .adamW)
    throws -> Trainer
{
    let layout = ModelLayout(try microConfiguration())
    let stream = ByteTokenizer.encodeDocument(
        String(repeating: "the quick brown fox jumps. ", count: 40).utf8)
    return Trainer(
        layout: layout, parameters: parameters ?? Initialization.parameters(layout, seed: 4),
        recipe: TrainingRecipe(
            schedule: LearningRateSchedule(peak: 1e-2, warmUpSteps: 4, horizonSteps: steps), batchSequences: 4,
            batches: BatchSeed(number: seed), optimizer: optimizer),
        text: try BatchSampler(TrainingText(tokens: stream, path: "fox"), contextLength: 16, path: "fox"))
}

@Suite struct TrainerTests {
    @Test func learningRateWarmsUpAndFallsToATenth() {
        let schedule = LearningRateSchedule(peak: 1e-3, warmUpSteps: 10, horizonSteps: 110)
        #expect(abs(schedule.rate(step: 0) - 1e-4) < 1e-12)
        #expect(schedule.rate(step: 9) == 1e-3)
        #expect(schedule.rate(step: 10) == 1e-3)
        #expect(abs(schedule.rate(step: 60) - 5.5e-4) < 1e-12)
        #expect(abs(schedule.rate(step: 110) - 1e-4) < 1e-12)
        #expect(abs(schedule.rate(step: 1_000_000) - 1e-4) < 1e-12)
        for step in 10..<120 { #expect(schedule.rate(step: step + 1) <= schedule.rate(step: step)) }
    }

    @Test func trainingLearnsAPattern() throws {
        let trainer = try microTrainer()
        let losses = try (0..<40).map { try trainer.takeStep($0).loss }
        #expect(losses[0] > 5)
        #expect(losses[39] < 3)
    }

    @Test func stepThatIsNotFiniteIsSkippedAndChangesNothing() throws {
        let trainer = try microTrainer()
        let good = Initialization.parameters(trainer.layout, seed: 4)
        let bad = good.map { $0 * 1e30 }
        bad.withUnsafeBufferPointer { trainer.setParameters($0) }
        #expect(try trainer.takeStepIfFinite(0) == nil)
        #expect(try trainer.takeStepIfFinite(1) == nil)
        #expect(Array(trainer.transformer.parameters) == bad)
        #expect(trainer.optimizer.updates == 0)
        // A step that is taken starts the count again.
        good.withUnsafeBufferPointer { trainer.setParameters($0) }
        #expect(try trainer.takeStepIfFinite(2) != nil)
        bad.withUnsafeBufferPointer { trainer.setParameters($0) }
        #expect(try trainer.takeStepIfFinite(3) == nil)
        #expect(try trainer.takeStepIfFinite(4) == nil)
    }

    @Test func thirdStepInARowThatIsNotFiniteNamesItsBatch() throws {
        let trainer = try microTrainer()
        let bad = Initialization.parameters(trainer.layout, seed: 4).map { $0 * 1e30 }
        bad.withUnsafeBufferPointer { trainer.setParameters($0) }
        #expect(try trainer.takeStepIfFinite(0) == nil)
        #expect(try trainer.takeStepIfFinite(1) == nil)
        let error = try #require(throws: ModelError.self) { try trainer.takeStepIfFinite(2) }
        guard case .diverged(2, _, 3, let batch) = error else {
            Issue.record("another error: \(error)")
            return
        }
        #expect(batch.count == 4)
        #expect(batch.allSatisfy { $0.path == "fox" && (0..<1080).contains($0.byte) })
        #expect(error.description.contains("fox at byte \(batch[0].byte)"))
    }

    @Test func splittingABatchIntoPassesChangesOnlyRounding() throws {
        // A batch of four is one pass here; the same sequences one by one must add up to the same gradient.
        let layout = ModelLayout(try microConfiguration())
        let parameters = Initialization.parameters(layout, seed: 4)
        let whole = Transformer(layout: layout, parameters: parameters, sequences: 4)
        let single = Transformer(layout: layout, parameters: parameters, sequences: 1)
        let tokens = (0..<64).map { UInt16(3 + $0 * 7 % 250) }
        let targets = Array(tokens.reversed())
        func add(_ transformer: Transformer, _ range: Range<Int>) -> Double {
            tokens[range].withUnsafeBufferPointer { tokens in
                targets[range].withUnsafeBufferPointer {
                    transformer.accumulateGradient(tokens: tokens, targets: $0, scale: 1 / 64)
                }
            }
        }
        let loss = add(whole, 0..<64)
        let parts = (0..<4).reduce(0) { $0 + add(single, $1 * 16..<$1 * 16 + 16) }
        #expect(abs(loss - parts) < 1e-3)
        for (left, right) in zip(whole.gradient, single.gradient) { #expect(abs(left - right) < 1e-5) }
    }

    @Test func adamWFollowsItsDefinition() throws {
        let layout = ModelLayout(try microConfiguration())
        let optimizer = Optimizer(layout: layout, kind: .adamW)
        let parameters = FloatBuffer((0..<layout.parameterCount).map { Float($0 % 7) * 0.1 - 0.3 })
        let before = parameters.values
        // Small enough not to be clipped.
        let gradient = FloatBuffer((0..<layout.parameterCount).map { Float($0 % 5) * 1e-4 - 2e-4 })
        let norm = gradient.values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let rate = 0.01
        let reported = try optimizer.update(
            parameters: parameters.buffer, gradient: gradient.buffer, learningRate: rate)
        #expect(abs(reported - norm) < 1e-5 * norm)
        for tensor in layout.tensors {
            let decay = tensor.shape.count == 2 ? rate * 0.1 : 0
            for index in tensor.range {
                // After one update both corrected moments are the gradient itself.
                let g = Double(gradient.pointer[index])
                let expected = Double(before[index]) * (1 - decay) - rate * g / (abs(g) + 1e-8)
                #expect(abs(Double(parameters.pointer[index]) - expected) < 1e-6)
            }
        }
    }

    @Test func largeGradientsAreClipped() throws {
        let layout = ModelLayout(try microConfiguration())
        func moments(_ factor: Float) throws -> [Float] {
            let optimizer = Optimizer(layout: layout, kind: .adamW)
            let parameters = FloatBuffer(count: layout.parameterCount)
            let gradient = FloatBuffer((0..<layout.parameterCount).map { Float($0 % 5 - 2) * factor })
            _ = try optimizer.update(parameters: parameters.buffer, gradient: gradient.buffer, learningRate: 0.01)
            return optimizer.first.values
        }
        for (left, right) in zip(try moments(1), try moments(100)) { #expect(abs(left - right) < 1e-6) }
        let norm = try moments(1).reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - 0.1) < 1e-4)
    }

    @Test func gradientThatIsNotFiniteChangesNothing() throws {
        let layout = ModelLayout(try microConfiguration())
        let optimizer = Optimizer(layout: layout, kind: .adamW)
        let parameters = FloatBuffer(count: layout.parameterCount)
        let gradient = FloatBuffer(count: layout.parameterCount)
        gradient.pointer[100] = .nan
        #expect(throws: ModelError.notFinite(what: "the gradient's norm")) {
            try optimizer.update(parameters: parameters.buffer, gradient: gradient.buffer, learningRate: 0.01)
        }
        #expect(optimizer.updates == 0)
        #expect(parameters.values.allSatisfy { $0 == 0 } && optimizer.first.values.allSatisfy { $0 == 0 })
    }

    @Test func heldOutLossCountsEveryByteOnce() throws {
        let layout = ModelLayout(try microConfiguration())
        let transformer = Transformer(
            layout: layout, parameters: Initialization.parameters(layout, seed: 1), sequences: 3)
        let text = "Ein Satz, der nicht in ein Fenster passt; und noch einer dazu."
        let stream = ByteTokenizer.encodeDocument(text.utf8) + ByteTokenizer.encodeDocument("kurz".utf8)
        let all = try HeldOutLoss(stream: stream, contextLength: 16, path: "").evaluate(transformer)
        #expect(all.bytes == text.utf8.count + 4)
        #expect(abs(all.natsPerByte - 5.5607) < 0.5)
        let part = try HeldOutLoss(stream: stream, contextLength: 16, byteLimit: 32, path: "").evaluate(transformer)
        #expect((1...32).contains(part.bytes))
        #expect(throws: ModelError.tooLittleText(path: "x", tokens: 1, needed: 2)) {
            try HeldOutLoss(stream: [1], contextLength: 16, path: "x")
        }
    }
}
