import Crypto
import Ledger

/// Which piece of which contribution.
public struct PieceName: Hashable, Sendable {
    public let contribution: ContributionDigest
    /// From 0.
    public let index: Int

    public init(contribution: ContributionDigest, index: Int) {
        self.contribution = contribution
        self.index = index
    }

    /// What a piece message of `byteCount` bytes takes on a link: its header and proof, and the length, kind and tag of
    /// each frame.
    public static func linkBytes(proofDigests: Int, byteCount: Int) -> Int {
        let message = Digest.byteCount + 4 + 1 + 4 + Digest.byteCount * proofDigests + byteCount
        let frameContent = LinkLimits.plaintextBytesMaximum - 1
        let frames = (message + frameContent - 1) / frameContent
        let tagBytes = LinkLimits.frameBytesMaximum - LinkLimits.plaintextBytesMaximum
        return message + frames * (LinkLimits.prefixBytes + 1 + tagBytes)
    }
}
