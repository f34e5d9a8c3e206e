import Model
import Tensor

extension ConvergenceSetting {
    /// One shared optimizer, after DeMo (Peng, Quesnelle, Kingma 2024): each site hands over the largest Hadamard coefficients of
    /// its gradient momentum and subtracts what it sent; every node makes the same AdamW step of the average. No local steps.
    ///
    /// - Parameter rules: `feedback` is the momentum's decay, `innerSteps` the gradients that one exchange averages.
    func shared(_ rules: MeshRules) throws -> ConvergenceRun {
        let trainers = SiteTrainers(self, parameters: start)
        let count = layout.parameterCount
        let nothing = [Float](repeating: 0, count: count)
        var (parameters, second) = (start, nothing)
        var momenta = sites.map { _ in nothing }
        var curve: [ConvergenceRun.Point] = []
        var (sent, received) = (0.0, 0.0)
        var step = 0
        while step < steps {
            let (now, kept, first) = (parameters, momenta, step)
            let length = min(rules.innerSteps, steps - step)
            let handedOver = try trainers.map { site, trainer in
                now.withUnsafeBufferPointer { trainer.setParameters($0) }
                var mean = nothing
                for step in first..<first + length {
                    _ = try trainer.computeGradient(step)
                    let gradient = trainer.transformer.gradient
                    let norm = Optimizer.norm(gradient)
                    let share = Float(min(1, Optimizer.clipNorm / norm)) / Float(length)
                    for index in 0..<count { mean[index] += gradient[index] * share }
                }
                return try encode(mean, residual: kept[site], rules, transform: .hadamard)
            }
            momenta = handedOver.map(\.residual)
            let rate = schedule.rate(step: step + length - 1)
            (parameters, second) = try average(handedOver, parameters, second, rules, rate: rate)
            let bytes = handedOver.reduce(0) { $0 + Double($1.bytes) } / Double(sites.count)
            sent += bytes
            received += bytes * Double(sites.count - 1)
            step += length
            if hasPoint(afterSteps: step, stride: length) {
                curve.append(ConvergenceRun.Point(step: step, losses: try losses(parameters, sampled: step < steps)))
            }
        }
        return ConvergenceRun(
            parameters: parameters, curve: curve, sentBytes: sent, receivedBytes: received,
            rounds: (steps + rules.innerSteps - 1) / rules.innerSteps)
    }

    /// The production average and step, at a rate.
    private func average(
        _ handedOver: [HandedOver], _ parameters: [Float], _ second: [Float], _ rules: MeshRules, rate: Double
    ) throws -> (parameters: [Float], second: [Float]) {
        let rule = AveragingRule(
            sendersMinimum: rules.averaging.sendersMinimum,
            step: .sharedAdamW(rateNano: UInt32((rate * 1e9).rounded())), method: rules.averaging.method)
        let (next, moments) = (MemoryBlockSink(), MemoryBlockSink())
        _ = try Averager.average(
            layout: layout.parameters, entries: entries(handedOver, rules), rule: rule,
            base: ParameterArray(parameters), output: next,
            second: SecondMoment(base: ParameterArray(second), output: moments), workers: 2)
        return (next.values, moments.values)
    }
}
