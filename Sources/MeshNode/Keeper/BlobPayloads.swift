import Ledger
import Rounds
import Tensor

/// The payloads of contributions as averaging reads them: from the blobs.
struct BlobPayloads: PayloadSource {
    let blobs: BlobStore

    func payload(of contribution: ContributionDigest) -> (any PayloadReader)? {
        try? FilePayload(path: blobs.payloadPath(contribution))
    }
}
