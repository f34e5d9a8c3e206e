/// Draws batches from one stream of tokens. Sequences start at uniformly drawn positions, with replacement; batch number
/// `step` depends on seed and step alone, so a trainer that resumes needs no other position.
public struct BatchSampler: Sendable {
    private let text: TrainingText
    public let contextLength: Int

    /// - Parameter path: of the text, for errors.
    /// - Throws: `ModelError.tooLittleText` if not even one sequence and its last target fit.
    public init(_ text: TrainingText, contextLength: Int, path: String) throws(ModelError) {
        guard text.tokens.count > contextLength else {
            throw .tooLittleText(path: path, tokens: text.tokens.count, needed: contextLength + 1)
        }
        self.text = text
        self.contextLength = contextLength
    }

    /// Tokens in the stream.
    public var tokenCount: Int { text.tokens.count }

    /// Where the sequences of a batch start.
    func starts(_ sequences: Int, seed: BatchSeed, step: Int) -> [Int] {
        precondition(step >= 0)
        var generator = seed.generator(step: step)
        return (0..<sequences).map { _ in Int.random(in: 0..<tokenCount - contextLength, using: &generator) }
    }

    /// Where the sequences of a batch come from.
    public func places(_ sequences: Int, seed: BatchSeed, step: Int) -> [TextPlace] {
        starts(sequences, seed: seed, step: step).map { text.place(ofToken: $0) }
    }

    /// Fills (B, T) tokens and the token after each.
    func fill(tokens: inout [UInt16], targets: inout [UInt16], seed: BatchSeed, step: Int) {
        precondition(tokens.count == targets.count && tokens.count % contextLength == 0)
        let starts = starts(tokens.count / contextLength, seed: seed, step: step)
        for (sequence, start) in starts.enumerated() {
            let first = sequence * contextLength
            for position in 0..<contextLength {
                tokens[first + position] = text.tokens[start + position]
                targets[first + position] = text.tokens[start + position + 1]
            }
        }
    }
}
