import Crypto
import Ledger
import System
import Tensor

/// What a trainer says about the steps behind a contribution. Numbers and digests only.
public struct TrainingReport: Hashable, Sendable {
    public let steps: UInt64
    public let tokens: UInt64
    /// Mean training loss in 1e-6 nats a token.
    public let lossCentinats: UInt64?
    /// Strictly ascending, at most `Limits.dataSets`.
    public let dataSets: [Digest]
    /// Names the program and its settings.
    public let trainer: Digest

    public init(steps: UInt64, tokens: UInt64, lossCentinats: UInt64?, dataSets: [Digest], trainer: Digest) {
        self.steps = steps
        self.tokens = tokens
        self.lossCentinats = lossCentinats
        self.dataSets = dataSets
        self.trainer = trainer
    }
}

/// A payload that is ready to be signed: what its record will say about it.
public struct Submission: Hashable, Sendable {
    public let encoding: Encoding
    public let payloadBytes: UInt64
    public let pieceBytes: UInt32
    public let pieceRoot: Digest
    /// In the codec's fixed point.
    public let norm: UInt64

    /// The record, unsigned.
    public func record(
        network: NetworkID, author: MemberID, base: Chain.Base, report: TrainingReport
    ) -> Ledger.Contribution {
        Ledger.Contribution(
            network: network, author: author, base: base.digest, baseHeight: base.height, encoding: encoding,
            payloadBytes: payloadBytes, pieceBytes: pieceBytes, pieceRoot: pieceRoot, norm: norm, steps: report.steps,
            tokens: report.tokens, lossCentinats: report.lossCentinats, dataSets: report.dataSets,
            trainer: report.trainer)
    }
}

extension Submission {
    /// Encodes a pseudo-gradient, or under a shared optimizer a gradient, into a payload file and the residual that
    /// follows it into a parameter file, both synced. A segment in memory at a time.
    ///
    /// - Parameters:
    ///   - delta: trained minus base; under a shared optimizer the mean gradient.
    ///   - residual: what earlier contributions left unsent (`ZeroParameters` before the first).
    ///   - residualPath: takes what this one leaves unsent. It becomes binding together with the slot.
    public init(
        delta: some ParameterSource, residual: some ParameterSource, layout: ParameterLayout, rules: Rules,
        payloadPath: String, residualPath: String
    ) throws(EncodingError) {
        let summary: EncodedSummary
        let payload: FilePayload
        do {
            let sink = try FilePayloadSink(path: payloadPath)
            let next = try ParameterFileAppender(path: residualPath, parameterCount: layout.parameterCount)
            summary = try ContributionEncoder.encode(
                layout: layout, profile: CodecProfile(rules.encoding), errorFeedback: ErrorFeedback(rules),
                transform: ChunkTransform(rules.innerOptimizer), delta: delta, residual: residual,
                nextResidual: next, payload: sink)
            try sink.finish()
            _ = try next.finish()
            payload = try FilePayload(path: payloadPath)
        } catch let error as EncodingError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            preconditionFailure("only the two error types above are thrown: \(error)")
        }
        try self.init(summary, of: payload, rules: rules)
    }

    /// Encodes in memory: for small models, the simulator and tests. `residual` is updated in place, on success only.
    public static func encode(
        delta: [Float], residual: inout [Float], layout: ParameterLayout, rules: Rules
    ) throws(EncodingError) -> (payload: [UInt8], submission: Submission) {
        let (payload, summary) = try ContributionEncoder.encode(
            layout: layout, profile: CodecProfile(rules.encoding), errorFeedback: ErrorFeedback(rules),
            transform: ChunkTransform(rules.innerOptimizer), delta: delta, residual: &residual)
        return (payload, try Submission(summary, of: MemoryPayload(payload), rules: rules))
    }

    /// Takes a payload that the trainer encoded itself: checks every value of it, and measures it.
    ///
    /// - Throws: `ContributionFault`, whose refusal the trainer is told.
    public init(
        encoded payload: some PayloadReader, layout: ParameterLayout, rules: Rules
    ) throws(ContributionFault) {
        let profile = CodecProfile(rules.encoding)
        let limit = rules.payloadBytesMaximum(of: TensorShape.list(of: layout))
        guard UInt64(payload.byteCount) <= limit else {
            throw .tooLarge(bytes: UInt64(payload.byteCount), limit: limit)
        }
        do throws(CodecError) {
            let decoded = try Tensor.Contribution(payload: payload, layout: layout, profile: profile)
            let norm = try decoded.measure().norm
            let tree = try PieceTree.tree(of: payload, pieceBytes: rules.pieceBytes)
            self.init(
                encoding: rules.encoding, payloadBytes: UInt64(payload.byteCount), pieceBytes: rules.pieceBytes,
                pieceRoot: tree.root, norm: norm)
        } catch {
            throw .codec(error)
        }
    }

    private init(
        _ summary: EncodedSummary, of payload: some PayloadReader, rules: Rules
    ) throws(EncodingError) {
        do throws(CodecError) {
            let tree = try PieceTree.tree(of: payload, pieceBytes: rules.pieceBytes)
            self.init(
                encoding: rules.encoding, payloadBytes: UInt64(summary.byteCount), pieceBytes: rules.pieceBytes,
                pieceRoot: tree.root, norm: summary.norm)
        } catch {
            throw .codec(error)
        }
    }
}
