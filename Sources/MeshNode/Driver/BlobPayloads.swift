import Ledger
import Rounds
import Tensor

/// The payloads of contributions as averaging and exports read them: the complete ones among the blobs.
struct BlobPayloads: PayloadSource {
    let blobs: BlobStore

    func payload(of contribution: ContributionDigest) -> (any PayloadReader)? {
        blobs.isComplete(contribution) ? try? FilePayload(path: blobs.payloadPath(contribution)) : nil
    }
}
