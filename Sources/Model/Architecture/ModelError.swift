/// What can be wrong with a model directory, a checkpoint or a directory of text. Every case carries what was found.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A field of `config.json` (or of a configuration made by hand) is missing, out of range or not ours.
    case configuration(field: String, value: Int)
    /// `config.json` cannot be read as a Llama configuration.
    case configurationFile(path: String, reason: String)
    /// A file could not be read or written.
    case file(path: String, reason: String)
    /// A parameter file has not the tensors of the configuration.
    case tensors(path: String, reason: String)
    /// A checkpoint is shorter or longer than its header says.
    case checkpointLength(expected: Int, found: Int)
    /// A checkpoint begins with something else.
    case checkpointMagic
    /// A checkpoint's check sum does not match: the file is damaged.
    case checkpointChecksum
    /// A checkpoint of another model or another run.
    case checkpointMismatch(field: String, expected: UInt64, found: UInt64)
    /// A value that must be a finite number is not.
    case notFinite(what: String)
    /// Too many steps in a row had a loss or gradient that is no finite number: the last of them, and where its batch came
    /// from.
    case diverged(step: Int, what: String, stepsInARow: Int, batch: [TextPlace])
    /// The text is too short to train on or to evaluate.
    case tooLittleText(path: String, tokens: Int, needed: Int)
    /// The text is larger than what one trainer may load.
    case tooMuchText(path: String, limitBytes: Int)

    public var description: String {
        switch self {
        case .configuration(let field, let value): "model configuration: \(field) = \(value) is not supported"
        case .configurationFile(let path, let reason): "\(path): \(reason)"
        case .file(let path, let reason): "\(path): \(reason)"
        case .tensors(let path, let reason): "\(path): \(reason)"
        case .checkpointLength(let expected, let found):
            "checkpoint: \(found) bytes where \(expected) were expected"
        case .checkpointMagic: "checkpoint: not a checkpoint of this program"
        case .checkpointChecksum: "checkpoint: the check sum does not match, the file is damaged"
        case .checkpointMismatch(let field, let expected, let found):
            "checkpoint: \(field) is \(found), this run has \(expected)"
        case .notFinite(let what): "\(what) is not a finite number"
        case .diverged(let step, let what, let stepsInARow, let batch):
            "step \(step): \(what) is not a finite number, as in \(stepsInARow) steps in a row; its batch: "
                + batch.map(\.description).joined(separator: ", ")
        case .tooLittleText(let path, let tokens, let needed):
            "\(path): \(tokens) tokens of text, at least \(needed) are needed"
        case .tooMuchText(let path, let limitBytes): "\(path): more than \(limitBytes) bytes of text"
        }
    }
}
