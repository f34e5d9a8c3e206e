/// Draws batches from one stream of tokens. Sequences start at uniformly drawn positions, with replacement; batch number
/// `step` depends on seed and step alone, so a trainer that resumes needs no other position.
public struct BatchSampler: Sendable {
    private let stream: [UInt16]
    public let contextLength: Int

    /// - Throws: `ModelError.tooLittleText` if not even one sequence and its last target fit.
    public init(stream: [UInt16], contextLength: Int, path: String) throws(ModelError) {
        guard stream.count > contextLength else {
            throw .tooLittleText(path: path, tokens: stream.count, needed: contextLength + 1)
        }
        self.stream = stream
        self.contextLength = contextLength
    }

    /// Tokens in the stream.
    public var tokenCount: Int { stream.count }

    /// Fills (B, T) tokens and the token after each.
    func fill(tokens: inout [UInt16], targets: inout [UInt16], seed: BatchSeed, step: Int) {
        precondition(tokens.count == targets.count && tokens.count % contextLength == 0 && step >= 0)
        var generator = seed.generator(step: step)
        for sequence in stride(from: 0, to: tokens.count, by: contextLength) {
            let start = Int.random(in: 0..<stream.count - contextLength, using: &generator)
            for position in 0..<contextLength {
                tokens[sequence + position] = stream[start + position]
                targets[sequence + position] = stream[start + position + 1]
            }
        }
    }
}
