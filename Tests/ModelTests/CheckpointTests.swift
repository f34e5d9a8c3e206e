import Testing

@testable import Model

@Suite struct CheckpointTests {
    private func sample(parameters: Bool = true) -> Checkpoint {
        Checkpoint(
            layoutHash: 1, seed: 2, nextStep: 3, nextBatch: 9, updates: 4, context: (5, 6, 7), first: [1, -2, 3, 0.5],
            second: [4, 5, 6, 0], optimizer: 0, parameters: parameters ? [7, 8, 9, -0.0] : nil)
    }

    @Test(arguments: [1, 7, 19], [OptimizerKind.adamW, .muon(peak: 0.02), .shared])
    func resumedTrainingIsBitForBitTheSame(savedAfter: Int, optimizer: OptimizerKind) throws {
        let straight = try microTrainer(optimizer: optimizer)
        for step in 0..<20 { _ = try straight.takeStep(step) }

        let first = try microTrainer(optimizer: optimizer)
        for step in 0..<savedAfter { _ = try first.takeStep(step) }
        let bytes = first.checkpoint(nextStep: savedAfter, includingParameters: true).encoded()

        let layout = first.layout
        let resumed = try microTrainer(
            parameters: [Float](repeating: 0, count: layout.parameterCount), optimizer: optimizer)
        let kept = try Checkpoint(decoding: bytes, parameterCount: layout.parameterCount)
        try resumed.restore(kept)
        for step in Int(kept.nextStep)..<20 { _ = try resumed.takeStep(step) }

        #expect(resumed.transformer.parameters.map(\.bitPattern) == straight.transformer.parameters.map(\.bitPattern))
        #expect(resumed.optimizer.first.values == straight.optimizer.first.values)
        #expect(resumed.optimizer.second.values == straight.optimizer.second.values)
        #expect(resumed.optimizer.updates == straight.optimizer.updates)
    }

    @Test func aSharedOptimizerSumsClippedGradientsAndMovesNothing() throws {
        let (trainer, plain) = (try microTrainer(optimizer: .shared), try microTrainer())
        let start = Array(trainer.transformer.parameters)
        var sum = [Float](repeating: 0, count: start.count)
        for step in 0..<3 {
            _ = try trainer.takeStep(step)
            _ = try plain.computeGradient(step)
            let gradient = plain.transformer.gradient
            let scale = Float(min(1, Optimizer.clipNorm / Optimizer.norm(gradient)))
            for index in sum.indices { sum[index] += gradient[index] * scale }
        }
        #expect(Array(trainer.transformer.parameters) == start)
        #expect(sum.indices.map { trainer.optimizer.meanGradient(at: $0, of: 3) } == sum.map { $0 / 3 })
        #expect(sum.contains { $0 != 0 })
        trainer.optimizer.clearGradients()
        #expect(sum.indices.allSatisfy { trainer.optimizer.meanGradient(at: $0, of: 1) == 0 })
        // Its sum is never taken for another optimizer's moments.
        let bytes = trainer.checkpoint(nextStep: 3, includingParameters: false).encoded()
        let kept = try Checkpoint(decoding: bytes, parameterCount: start.count)
        #expect(throws: ModelError.checkpointMismatch(field: "optimizer", expected: 0, found: 2)) {
            try plain.restore(kept)
        }
    }

    @Test(arguments: [true, false])
    func everythingComesBack(parameters: Bool) throws {
        let checkpoint = sample(parameters: parameters)
        let bytes = checkpoint.encoded()
        #expect(bytes.count == Checkpoint.byteCount(parameterCount: 4, includingParameters: parameters))
        let back = try Checkpoint(decoding: bytes, parameterCount: 4)
        #expect(back == checkpoint)
        #expect(
            back.context == (5, 6, 7) && back.nextStep == 3 && back.nextBatch == 9
                && back.parameters == checkpoint.parameters)
    }

    @Test func everyFlippedBitIsDetected() {
        let bytes = sample().encoded()
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ModelError.self, "bit \(bit)") { try Checkpoint(decoding: damaged, parameterCount: 4) }
        }
    }

    @Test func anotherModelsOrRunsCheckpointIsRefused() throws {
        #expect(throws: ModelError.checkpointMismatch(field: "parameters", expected: 5, found: 4)) {
            try Checkpoint(decoding: sample().encoded(), parameterCount: 5)
        }
        let trainer = try microTrainer()
        let other = try microTrainer(seed: 10)
        let before = trainer.transformer.parameters.map(\.bitPattern)
        #expect(throws: ModelError.checkpointMismatch(field: "seed", expected: 9, found: 10)) {
            try trainer.restore(other.checkpoint(nextStep: 0, includingParameters: true))
        }
        #expect(trainer.transformer.parameters.map(\.bitPattern) == before)
    }

    @Test func anotherOptimizersMomentsAreRefused() throws {
        let muon = try microTrainer(optimizer: .muon(peak: 0.02))
        _ = try muon.takeStep(0)
        let bytes = muon.checkpoint(nextStep: 1, includingParameters: true).encoded()
        let kept = try Checkpoint(decoding: bytes, parameterCount: muon.layout.parameterCount)
        #expect(throws: ModelError.checkpointMismatch(field: "optimizer", expected: 0, found: 1)) {
            try microTrainer().restore(kept)
        }
    }

    @Test("a number of a step or batch that no run reaches is refused: the next one must still fit")
    func numbersBeyondEveryRun_areRefused() {
        for (step, batch) in [(UInt64.max, 0), (0, UInt64.max), (0, 1 << 52 + 1)] as [(UInt64, UInt64)] {
            let checkpoint = Checkpoint(
                layoutHash: 1, seed: 2, nextStep: step, nextBatch: batch, updates: 4, first: [1], second: [1],
                optimizer: 0, parameters: nil)
            #expect(throws: ModelError.self) { try Checkpoint(decoding: checkpoint.encoded(), parameterCount: 1) }
        }
    }

    @Test func valuesThatAreNotFiniteAreRefused() {
        let checkpoint = Checkpoint(
            layoutHash: 1, seed: 2, nextStep: 3, nextBatch: 3, updates: 4, first: [.nan], second: [1], optimizer: 0,
            parameters: nil)
        #expect(throws: ModelError.notFinite(what: "checkpoint: a value of the first moments")) {
            try Checkpoint(decoding: checkpoint.encoded(), parameterCount: 1)
        }
    }

    /// What a fuzz target calls: any bytes either decode to what encodes to the same bytes, or give a typed error.
    static func decodeAnything(_ bytes: [UInt8]) -> Bool {
        for count in [0, 1, 4] {
            if let checkpoint = try? Checkpoint(decoding: bytes, parameterCount: count),
                checkpoint.encoded() != bytes
            {
                return false
            }
        }
        return true
    }

    @Test func mutatedFilesNeverDecodeToSomethingElse() {
        var generator = SplitMix(state: 21)
        for _ in 0..<3000 {
            var bytes = sample(parameters: Bool.random(using: &generator)).encoded()
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
                case 1: bytes.append(UInt8.random(in: 0...255, using: &generator))
                case 2 where !bytes.isEmpty:
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                default:
                    if bytes.count > 24 {
                        for index in 8..<24 { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
                    }
                }
            }
            #expect(CheckpointTests.decodeAnything(bytes))
        }
    }
}
