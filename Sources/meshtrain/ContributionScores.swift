import Control
import Crypto
import Model
import Tensor

/// What this site makes of one contribution, by its own text.
struct ContributionScore: Encodable, Sendable {
    let author: String
    let contribution: String
    let baseHeight: Int64
    /// Change of the held-out loss, in nats per byte, if it were taken in alone and at full weight: above zero this site loses by
    /// it.
    let lossChange: Double
    /// Cosine with what this site contributed to the same version; nil for its own, or if there is none.
    let ownCosine: Double?
    /// Cosine with the sum of the other contributions to the same version that are scored; nil if there are none.
    let othersCosine: Double?
    let history: History

    /// The author in the versions before.
    struct History: Encodable, Sendable {
        let versions: Int
        /// Of these, those that list a contribution of the author.
        let listed: Int
        /// Mean cosine of these with the step that was made; nil if the daemon keeps none.
        let stepCosine: Double?
    }
}

/// One contribution that is to be scored.
struct ScoredContribution: Sendable {
    let author: String
    let contribution: DigestText
    let baseHeight: Int64
}

/// Scores contributions: what each would do to this site's held-out text, and what it resembles.
struct ContributionScores {
    let layout: ModelLayout
    let heldOut: HeldOutLoss
    let daemon: DaemonConnection

    /// Versions that an author's history covers.
    static let historyVersions: Int64 = 8

    private struct Fetched {
        let scored: ScoredContribution
        let export: ContributionExport
        let contribution: Contribution
    }

    /// Takes the next second moments, which no score needs.
    private struct NoBlocks: BlockSink {
        func writeBlock(_ block: Int, _ values: UnsafeBufferPointer<Float>) -> Digest { .zero }
    }

    /// The version that contributions were made from.
    private struct Base {
        let parameters: [Float]
        /// Of a shared optimizer; nil without one.
        let optimizerState: [Float]?
        let loss: Double
    }

    /// - Parameters:
    ///   - height: of the version that lists them; nil if they are under review.
    ///   - site: this site's name.
    /// - Returns: the scores of those that can be judged, in the order of `contributions`, and the loss of each base before, by height.
    func score(
        _ contributions: [ScoredContribution], listedAt height: Int64?, site: String
    ) throws -> (scores: [ContributionScore], baseLosses: [Int64: Double]) {
        // All payloads first: what is under review can be listed, and its base forgotten, while losses are measured.
        var byBase: [Int64: [Fetched]] = [:]
        for scored in contributions {
            try judging([scored]) {
                byBase[scored.baseHeight, default: []].append(try fetch(scored, listedAt: height))
            }
        }
        let histories = try histories(before: height, of: Set(contributions.map(\.author)))
        var scores: [DigestText: ContributionScore] = [:]
        var baseLosses: [Int64: Double] = [:]
        for (baseHeight, fetched) in byBase.sorted(by: { $0.key < $1.key }) {
            guard fetched.allSatisfy({ Self.sharesOptimizer($0.export) == Self.sharesOptimizer(fetched[0].export) })
            else {
                throw ControlClientError.unexpected("rules with and without a shared optimizer for one version")
            }
            try judging(fetched.map(\.scored)) {
                let base = try base(at: baseHeight, fetched[0].export)
                baseLosses[baseHeight] = base.loss
                for score in try self.scores(of: fetched, to: base, site: site, histories) {
                    scores[score.contribution] = score.score
                }
            }
        }
        return (contributions.compactMap { scores[$0.contribution] }, baseLosses)
    }

    /// Scores all contributions to one base. Each is decoded again where its values are needed, so a few vectors of all
    /// parameters are in memory, not one of each contribution.
    private func scores(
        of fetched: [Fetched], to base: Base, site: String, _ histories: [String: ContributionScore.History]
    ) throws -> [(contribution: DigestText, score: ContributionScore)] {
        // In double precision, or one large contribution would leave nothing of the others.
        var sum = [Double](repeating: 0, count: layout.parameterCount)
        var own: [Float]?
        for one in fetched {
            let values = try values(of: one.contribution)
            for index in values.indices { sum[index] += Double(values[index]) }
            if one.scored.author == site { own = values }
        }
        return try fetched.map { one in
            let values = try values(of: one.contribution)
            let others = fetched.count > 1 ? zip(sum, values).map { Float($0 - Double($1)) } : nil
            let isOwn = one.scored.author == site
            let score = ContributionScore(
                author: one.scored.author, contribution: one.scored.contribution.text,
                baseHeight: one.scored.baseHeight, lossChange: try loss(next(one, base)) - base.loss,
                ownCosine: isOwn ? nil : own.flatMap { Self.cosine(values, $0) },
                othersCosine: others.flatMap { Self.cosine(values, $0) },
                history: histories[one.scored.author]
                    ?? ContributionScore.History(versions: 0, listed: 0, stepCosine: nil))
            return (one.scored.contribution, score)
        }
    }

    private func fetch(_ scored: ScoredContribution, listedAt height: Int64?) throws -> Fetched {
        let (export, contribution) = try ParameterTransfer.contribution(
            scored.contribution, height: height, layout: layout, from: daemon)
        guard export.baseHeight == scored.baseHeight else {
            throw ControlClientError.unexpected("a contribution to version \(export.baseHeight)")
        }
        guard (1...4096).contains(export.sendersMinimum), (0...(1 << 24)).contains(export.outerLearningRateQ16),
            (1...1 << 30).contains(export.innerSteps)
        else { throw ControlClientError.unexpected("rules out of range") }
        if Self.sharesOptimizer(export), contribution.profile.isDense {
            throw ControlClientError.unexpected("a dense contribution under a shared optimizer")
        }
        return Fetched(scored: scored, export: export, contribution: contribution)
    }

    private static func sharesOptimizer(_ export: ContributionExport) -> Bool {
        export.schedule.optimizer == .sharedAdamW
    }

    private func base(at height: Int64, _ export: ContributionExport) throws -> Base {
        let parameters = try ParameterTransfer.version(at: height, layout: layout, from: daemon)
        let state =
            Self.sharesOptimizer(export)
            ? try ParameterTransfer.optimizerState(at: height, layout: layout, from: daemon) : nil
        return Base(parameters: parameters, optimizerState: state, loss: try loss(parameters))
    }

    /// The version that would follow if the contribution stood alone in it, at full weight.
    private func next(_ fetched: Fetched, _ base: Base) throws -> [Float] {
        var step = OuterStep.add(rateQ16: UInt32(fetched.export.outerLearningRateQ16))
        var second: SecondMoment?
        if let values = base.optimizerState {
            let state = ParameterArray(values)
            let last =
                try SharedState.steps(of: state, path: "the optimizer's state") + Int(fetched.export.innerSteps) - 1
            let rate = try LearningRateSchedule(fetched.export.schedule).rate(step: last)
            step = .sharedAdamW(rateNano: UInt32((rate * 1e9).rounded()))
            second = SecondMoment(base: SecondMomentSource(state: state), output: NoBlocks())
        }
        return try average(
            fetched.contribution,
            AveragingRule(sendersMinimum: Int(fetched.export.sendersMinimum), step: step),
            base: base.parameters, second)
    }

    /// The differences that a contribution asks for; under a shared optimizer their Hadamard transform, which has the same cosines.
    private func values(of contribution: Contribution) throws -> [Float] {
        try average(
            contribution, AveragingRule(sendersMinimum: 1, step: .add(rateQ16: 1 << 16)),
            base: [Float](repeating: 0, count: layout.parameterCount), nil)
    }

    /// Runs `body`. What is not there, at the daemon, keeps these contributions from being judged, and not the others.
    private func judging(_ contributions: [ScoredContribution], _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let refusal as ControlRefusal where refusal.reason == .notFound {
            for scored in contributions {
                Output.note(
                    "\(scored.contribution.text.prefix(12)) of \(scored.author) is not judged: \(refusal.message)")
            }
        }
    }

    private func loss(_ parameters: [Float]) throws -> Double {
        try heldOut.evaluate(Transformer(layout: layout, parameters: parameters, sequences: 4)).natsPerByte
    }

    private func average(
        _ contribution: Contribution, _ rule: AveragingRule, base: [Float], _ second: SecondMoment?
    ) throws -> [Float] {
        let sink = MemoryBlockSink()
        _ = try Averager.average(
            layout: layout.parameters, entries: [AveragingEntry(contribution: contribution)], rule: rule,
            base: ParameterArray(base), output: sink, second: second, workers: 1)
        return sink.values
    }

    private func histories(before height: Int64?, of authors: Set<String>) throws -> [String: ContributionScore.History]
    {
        let last = try height.map { $0 - 1 } ?? daemon.call(StatusRequest()).height
        let first = max(1, last - Self.historyVersions + 1)
        guard first <= last else { return [:] }
        var listed: [String: Int] = [:]
        var cosines: [String: [Double]] = [:]
        for height in first...last {
            for entry in try daemon.call(ContributionsRequest(height: height)).contributions where entry.isListed {
                listed[entry.author.text, default: 0] += 1
                if let millionths = entry.figures?.stepCosineMillionths {
                    cosines[entry.author.text, default: []].append(Double(millionths) / 1e6)
                }
            }
        }
        return Dictionary(
            uniqueKeysWithValues: authors.map { author in
                let found = cosines[author] ?? []
                return (
                    author,
                    ContributionScore.History(
                        versions: Int(last - first + 1), listed: listed[author] ?? 0,
                        stepCosine: found.isEmpty ? nil : found.reduce(0, +) / Double(found.count))
                )
            })
    }

    /// Nil if one of them is zero.
    static func cosine(_ left: [Float], _ right: [Float]) -> Double? {
        var (product, leftSquare, rightSquare) = (0.0, 0.0, 0.0)
        for index in left.indices {
            product += Double(left[index]) * Double(right[index])
            leftSquare += Double(left[index]) * Double(left[index])
            rightSquare += Double(right[index]) * Double(right[index])
        }
        guard leftSquare > 0, rightSquare > 0 else { return nil }
        return product / (leftSquare * rightSquare).squareRoot()
    }
}
