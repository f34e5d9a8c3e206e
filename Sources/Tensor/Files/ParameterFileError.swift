import Crypto

/// What is wrong with a file of parameters, by name and place.
public enum ParameterFileError: Error, Hashable, Sendable {
    /// The operating system refused: `code` is its errno.
    case system(file: String, operation: String, code: Int32)
    case wrongSize(file: String, expectedBytes: Int, foundBytes: Int)
    /// The parameters of one block are not those that its Merkle leaf names.
    case corruptBlock(file: String, block: Int)
    /// The leaves that the file carries do not lead to the root that was asked for.
    case wrongRoot(file: String, expected: Digest, found: Digest)
    /// A parameter of this block is infinite or not a number.
    case nonFinite(file: String, block: Int)
    /// The writer was given too few or too many parameters.
    case wrongCount(file: String, expected: Int, found: Int)
}
