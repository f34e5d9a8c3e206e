import Model
import Tensor

/// Trainers, one a site, that work at the same time.
final class SiteTrainers: @unchecked Sendable {  // each trainer is touched by one thread at a time
    private let trainers: [Trainer]

    init(_ setting: ConvergenceSetting, parameters: [Float]) {
        trainers = setting.sites.indices.map { setting.trainer(site: $0, parameters: parameters) }
    }

    func map<Value: Sendable>(_ body: @Sendable (Int, Trainer) throws -> Value) throws -> [Value] {
        try Threads.map(trainers.count) { try body($0, trainers[$0]) }
    }

    subscript(site: Int) -> Trainer { trainers[site] }
}

/// What a site made of its round.
struct HandedOver: Sendable {
    let payload: [UInt8]
    let residual: [Float]
    /// What the payload says.
    let values: [Float]
    /// On one link.
    let bytes: Int
}

extension ConvergenceSetting {
    /// What all methods start from.
    func untrained() throws -> ConvergenceRun {
        let parameters = start
        return ConvergenceRun(
            parameters: parameters, curve: [ConvergenceRun.Point(step: 0, losses: try losses(parameters))],
            sentBytes: 0,
            receivedBytes: 0, rounds: 0)
    }

    /// Synchronous data parallel: the sites' gradients are averaged in every step, and it is stopped where the mean held-out
    /// loss is lowest. The bound for all others.
    ///
    /// Bytes are those of a float32 ring.
    func synchronous() throws -> ConvergenceRun {
        let trainers = SiteTrainers(self, parameters: start)
        let count = layout.parameterCount
        var curve: [ConvergenceRun.Point] = []
        var best = (loss: Double.infinity, parameters: [Float]())
        for step in 0..<steps {
            _ = try trainers.map { _, trainer in try trainer.computeGradient(step) }
            let first = trainers[0].transformer
            let sum = first.gradient
            for site in sites.indices.dropFirst() {
                let gradient = trainers[site].transformer.gradient
                for index in 0..<count { sum[index] += gradient[index] }
            }
            let share = 1 / Float(sites.count)
            for index in 0..<count { sum[index] *= share }
            _ = try trainers[0].applyGradient(step)
            for site in sites.indices.dropFirst() {
                trainers[site].setParameters(UnsafeBufferPointer(first.parameters))
            }
            if hasPoint(afterSteps: step + 1, stride: 1) {
                let point = ConvergenceRun.Point(
                    step: step + 1, losses: try losses(Array(first.parameters), sampled: true))
                curve.append(point)
                if point.mean < best.loss { best = (point.mean, Array(first.parameters)) }
            }
        }
        curve.append(ConvergenceRun.Point(step: steps, losses: try losses(best.parameters)))
        let ring = 8 * Double(count) * Double(sites.count - 1) / Double(sites.count) * Double(steps)
        return ConvergenceRun(
            parameters: best.parameters, curve: curve, sentBytes: ring, receivedBytes: ring,
            rounds: steps)
    }

    /// One site by itself, stopped where its own held-out loss is lowest. The last point of the curve has the losses of all
    /// languages there; those before have its own language's alone.
    func alone(site: Int) throws -> ConvergenceRun {
        try local(trainer(site: site, parameters: start), site: site, steps: steps, points: points)
    }

    /// The base trained on by one site: what it keeps for itself. Rates start at `peakShare` of the mesh's peak.
    func derivative(site: Int, base: [Float], steps count: Int, peakShare: Double) throws -> ConvergenceRun {
        var setting = self
        setting.peak *= peakShare
        if case .muon(let peak) = optimizer { setting.optimizer = .muon(peak: peak * peakShare) }
        setting.warmUpSteps = 0
        setting.steps = count
        // Other batches than those of the rounds.
        setting.seed = ~seed
        return try setting.local(
            setting.trainer(site: site, parameters: base), site: site, steps: count, points: min(count, 6))
    }

    private func local(_ trainer: Trainer, site: Int, steps: Int, points: Int) throws -> ConvergenceRun {
        var curve: [ConvergenceRun.Point] = []
        var best = (loss: Double.infinity, step: 0, parameters: [Float]())
        for step in 0..<steps {
            _ = try trainer.takeStep(step)
            guard (step + 1) * points / steps > step * points / steps else { continue }
            let loss = try sites[site].sample.evaluate(trainer.transformer).natsPerByte
            curve.append(ConvergenceRun.Point(step: step + 1, losses: [loss]))
            if loss < best.loss { best = (loss, step + 1, Array(trainer.transformer.parameters)) }
        }
        let losses = try losses(best.parameters)
        return ConvergenceRun(
            parameters: best.parameters, curve: curve + [ConvergenceRun.Point(step: best.step, losses: losses)],
            sentBytes: 0, receivedBytes: 0, rounds: 0)
    }

    /// The mesh: rounds of local steps, contributions through the production codec, averaged by the production rule.
    ///
    /// - Parameter attack: what the first sites hand over in place of what they trained.
    func mesh(_ rules: MeshRules, attack: Attack? = nil) throws -> ConvergenceRun {
        let trainers = SiteTrainers(self, parameters: start)
        let count = layout.parameterCount
        var base = start
        var residuals = sites.map { _ in [Float](repeating: 0, count: count) }
        var leads = sites.map { _ in Lead(start: start) }
        var curve: [ConvergenceRun.Point] = []
        var (sent, received) = (0.0, 0.0)
        var step = 0
        while step < steps {
            let first = step
            let steps = min(rules.innerSteps, self.steps - step)
            let (before, kept, ahead) = (base, residuals, leads)
            let end = self.steps
            let rounds = try trainers.map { site, trainer in
                let own = ahead[site].rebased(trainer.transformer.parameters, on: before)
                own.withUnsafeBufferPointer { trainer.setParameters($0) }
                let speed = rules.speed(ofSite: site)
                for step in ahead[site].steps..<speed * steps {
                    _ = try trainer.takeStep(first + step, batch: speed * first + step)
                }
                let trained = Array(trainer.transformer.parameters)
                let delta = before.indices.map { trained[$0] - before[$0] }
                var lead = Lead(start: trained)
                let next = first + steps
                for step in 0..<rules.stepsAhead(ofSite: site, in: min(rules.innerSteps, end - next)) {
                    lead.add(loss: try trainer.takeStep(next + step, batch: speed * next + step).loss)
                }
                return (try encode(delta, residual: kept[site], rules), lead)
            }
            var handedOver = rounds.map(\.0)
            leads = rounds.map(\.1)
            residuals = handedOver.map(\.residual)
            if let attack {
                let hostile = attack.vectors(
                    handedOver.map(\.values), round: first / rules.innerSteps, seed: seed)
                let nothing = [Float](repeating: 0, count: count)
                for (site, vector) in hostile.enumerated() {
                    handedOver[site] = try encode(vector, residual: nothing, rules)
                }
            }
            base = try average(handedOver, base: base, rules)
            let bytes = handedOver.reduce(0) { $0 + Double($1.bytes) } / Double(sites.count)
            sent += bytes
            received += bytes * Double(sites.count - 1)
            step += steps
            if hasPoint(afterSteps: step, stride: steps) {
                let losses = try losses(base, sampled: step < self.steps)
                curve.append(ConvergenceRun.Point(step: step, losses: losses))
            }
        }
        return ConvergenceRun(
            parameters: base, curve: curve, sentBytes: sent, receivedBytes: received,
            rounds: (steps + rules.innerSteps - 1) / rules.innerSteps)
    }

    /// DiLoCo (Douillard et al. 2023): rounds of local steps, differences averaged in float32, an outer step with Nesterov
    /// momentum. Nothing is compressed, and all members are trusted.
    ///
    /// Bytes are those of a float32 ring once a round.
    func dense(innerSteps: Int, momentum: Float = 0.9, outerRate: Float = 0.7) throws -> ConvergenceRun {
        let trainers = SiteTrainers(self, parameters: start)
        let count = layout.parameterCount
        var base = start
        var velocity = [Float](repeating: 0, count: count)
        var curve: [ConvergenceRun.Point] = []
        var step = 0
        while step < steps {
            let (before, first, length) = (base, step, min(innerSteps, steps - step))
            let deltas = try trainers.map { _, trainer in
                before.withUnsafeBufferPointer { trainer.setParameters($0) }
                for step in first..<first + length { _ = try trainer.takeStep(step) }
                let trained = trainer.transformer.parameters
                return before.indices.map { trained[$0] - before[$0] }
            }
            for index in 0..<count {
                let mean = deltas.reduce(0) { $0 + $1[index] } / Float(deltas.count)
                velocity[index] = momentum * velocity[index] + mean
                base[index] += outerRate * (mean + momentum * velocity[index])
            }
            step += length
            if hasPoint(afterSteps: step, stride: length) {
                curve.append(ConvergenceRun.Point(step: step, losses: try losses(base, sampled: step < steps)))
            }
        }
        let rounds = (steps + innerSteps - 1) / innerSteps
        let ring = 8 * Double(count) * Double(sites.count - 1) / Double(sites.count) * Double(rounds)
        return ConvergenceRun(
            parameters: base, curve: curve, sentBytes: ring, receivedBytes: ring, rounds: rounds)
    }

    func encode(
        _ delta: [Float], residual: [Float], _ rules: MeshRules, transform: ChunkTransform = .identity
    ) throws -> HandedOver {
        var next = residual
        let encoded = try ContributionEncoder.encode(
            layout: layout.parameters, profile: rules.profile, errorFeedback: rules.feedback, transform: transform,
            delta: delta, residual: &next)
        // What is sent is what the residual lacks.
        let decay = Float(rules.feedback.decayQ16) / 65_536
        let values = delta.indices.map { delta[$0] + decay * residual[$0] - next[$0] }
        return HandedOver(
            payload: encoded.payload, residual: next, values: values, bytes: Transit(of: encoded.payload).bytes)
    }

    func entries(_ handedOver: [HandedOver], _ rules: MeshRules) throws -> [AveragingEntry] {
        try handedOver.map {
            AveragingEntry(
                contribution: try Contribution(
                    payload: MemoryPayload($0.payload), layout: layout.parameters, profile: rules.profile))
        }
    }

    private func average(_ handedOver: [HandedOver], base: [Float], _ rules: MeshRules) throws -> [Float] {
        let sink = MemoryBlockSink()
        _ = try Averager.average(
            layout: layout.parameters, entries: entries(handedOver, rules), rule: rules.averaging,
            base: ParameterArray(base), output: sink, workers: 2)
        return sink.values
    }
}
