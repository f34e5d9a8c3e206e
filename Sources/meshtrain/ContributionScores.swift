import Control
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

    private struct Candidate {
        let scored: ScoredContribution
        let values: [Float]
        let lossChange: Double
    }

    /// - Parameters:
    ///   - height: of the version that lists them; nil if they are under review.
    ///   - site: this site's name.
    /// - Returns: the scores of those that can be judged, in the order of `contributions`, and the loss of each base before, by height.
    func score(
        _ contributions: [ScoredContribution], listedAt height: Int64?, site: String
    ) throws -> (scores: [ContributionScore], baseLosses: [Int64: Double]) {
        // All payloads first: what is under review can be listed, and its base forgotten, while losses are measured.
        var fetched: [(scored: ScoredContribution, export: ContributionExport, contribution: Contribution)] = []
        for scored in contributions {
            try judging(scored) {
                let (export, contribution) = try ParameterTransfer.contribution(
                    scored.contribution, height: height, layout: layout, from: daemon)
                guard export.baseHeight == scored.baseHeight else {
                    throw ConnectionError.unexpected("a contribution to version \(export.baseHeight)")
                }
                guard (1...4096).contains(export.sendersMinimum), (0...(1 << 24)).contains(export.outerLearningRateQ16)
                else { throw ConnectionError.unexpected("rules out of range") }
                fetched.append((scored, export, contribution))
            }
        }
        var bases: [Int64: (parameters: [Float], loss: Double)] = [:]
        var candidates: [Candidate] = []
        for (scored, export, contribution) in fetched {
            try judging(scored) {
                let base: (parameters: [Float], loss: Double)
                if let known = bases[scored.baseHeight] {
                    base = known
                } else {
                    let parameters = try ParameterTransfer.version(at: scored.baseHeight, layout: layout, from: daemon)
                    base = (parameters, try loss(parameters))
                    bases[scored.baseHeight] = base
                }
                // The version that would follow if it stood alone in it, at full weight.
                let rule = AveragingRule(
                    sendersMinimum: Int(export.sendersMinimum),
                    step: .add(rateQ16: UInt32(export.outerLearningRateQ16)))
                let next = try average(contribution, rule, base: base.parameters)
                let plain = AveragingRule(sendersMinimum: 1, step: .add(rateQ16: 1 << 16))
                let values = try average(
                    contribution, plain, base: [Float](repeating: 0, count: layout.parameterCount))
                candidates.append(Candidate(scored: scored, values: values, lossChange: try loss(next) - base.loss))
            }
        }
        let histories = try histories(before: height, of: Set(contributions.map(\.author)))
        let scores = candidates.indices.map { index in
            let candidate = candidates[index]
            let same = candidates.indices.filter {
                $0 != index && candidates[$0].scored.baseHeight == candidate.scored.baseHeight
            }.map { candidates[$0] }
            let own = same.first { $0.scored.author == site }
            return ContributionScore(
                author: candidate.scored.author, contribution: candidate.scored.contribution.text,
                baseHeight: candidate.scored.baseHeight, lossChange: candidate.lossChange,
                ownCosine: own.flatMap { Self.cosine(candidate.values, $0.values) },
                othersCosine: same.isEmpty ? nil : Self.cosine(candidate.values, Self.sum(same.map(\.values))),
                history: histories[candidate.scored.author]
                    ?? ContributionScore.History(versions: 0, listed: 0, stepCosine: nil))
        }
        return (scores, bases.mapValues(\.loss))
    }

    /// Runs `body`. What is not there, at the daemon, keeps this one contribution from being judged, and not the others.
    private func judging(_ scored: ScoredContribution, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let refusal as ControlRefusal where refusal.reason == .notFound {
            Output.note("\(scored.contribution.text.prefix(12)) of \(scored.author) is not judged: \(refusal.message)")
        }
    }

    private func loss(_ parameters: [Float]) throws -> Double {
        try heldOut.evaluate(Transformer(layout: layout, parameters: parameters, sequences: 4)).natsPerByte
    }

    private func average(_ contribution: Contribution, _ rule: AveragingRule, base: [Float]) throws -> [Float] {
        let sink = MemoryBlockSink()
        _ = try Averager.average(
            layout: layout.parameters, entries: [AveragingEntry(contribution: contribution)], rule: rule,
            base: ParameterArray(base), output: sink, workers: 1)
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

    private static func sum(_ vectors: [[Float]]) -> [Float] {
        vectors.dropFirst().reduce(into: vectors[0]) { sum, vector in
            for index in vector.indices { sum[index] += vector[index] }
        }
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
