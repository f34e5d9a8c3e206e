/// The loss on held-out text, in nats per byte.
///
/// The text is cut into windows of the model's context that do not overlap; every byte of a window is predicted from what
/// stands before it in the window. `<s>` is read but never counted. Each other token is one byte of (decoded) text,
/// so nats per token are nats per byte.
public struct HeldOutLoss: Sendable {
    /// Windows to evaluate: starts in the stream.
    private let starts: [Int]
    private let stream: [UInt16]
    private let contextLength: Int

    /// - Parameters:
    ///   - stream: tokens of documents, each led by `<s>`.
    ///   - byteLimit: evaluates about this much, in windows spread evenly over the text; nil for all of it.
    public init(
        stream: [UInt16], contextLength: Int, byteLimit: Int? = nil, path: String
    ) throws(ModelError) {
        guard stream.count >= 2 else { throw .tooLittleText(path: path, tokens: stream.count, needed: 2) }
        let windows = (stream.count - 1 + contextLength - 1) / contextLength
        let wanted = byteLimit.map { min(windows, max(1, $0 / contextLength)) } ?? windows
        starts = (0..<wanted).map { $0 * windows / wanted * contextLength }
        self.stream = stream
        self.contextLength = contextLength
    }

    /// Nats per byte of `transformer`'s parameters, and the bytes that were counted.
    public func evaluate(_ transformer: Transformer) throws(ModelError) -> (natsPerByte: Double, bytes: Int) {
        precondition(transformer.layout.configuration.contextLength == contextLength)
        var loss = 0.0
        var bytes = 0
        var next = 0
        while next < starts.count {
            var tokens = [UInt16](repeating: ByteTokenizer.end, count: transformer.tokensPerPass)
            var targets = [UInt16](repeating: CrossEntropy.ignoredTarget, count: transformer.tokensPerPass)
            for sequence in 0..<transformer.sequences where next + sequence < starts.count {
                let start = starts[next + sequence]
                for position in 0..<min(contextLength, stream.count - 1 - start) {
                    tokens[sequence * contextLength + position] = stream[start + position]
                    let target = stream[start + position + 1]
                    if target > ByteTokenizer.end {
                        targets[sequence * contextLength + position] = target
                        bytes += 1
                    }
                }
            }
            loss += tokens.withUnsafeBufferPointer { tokens in
                targets.withUnsafeBufferPointer { transformer.loss(tokens: tokens, targets: $0) }
            }
            next += transformer.sequences
        }
        guard loss.isFinite else { throw .notFinite(what: "the held-out loss") }
        return (bytes == 0 ? 0 : loss / Double(bytes), bytes)
    }
}
