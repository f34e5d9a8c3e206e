import Crypto
import Ledger
import System

/// Where everything of one site lies, and the lock that keeps a second daemon out.
struct StateDirectory: Sendable {
    let path: String
    private let lock: File

    /// Makes the folders where they are not there and takes the lock, which ends with the process.
    ///
    /// - Throws: `StoreError.inUse` where another daemon runs here.
    init(path: String) throws(StoreError) {
        self.path = path
        try stored(Folder.make(path, mode: 0o700))
        lock = try stored(File.open(path + "/lock", .create()))
        guard try stored(lock.tryLock()) else { throw .inUse(directory: path) }
        for folder in ["blobs", "params", "residual", "incoming", "replay"] {
            try stored(Folder.make(path + "/" + folder, mode: 0o700))
        }
    }

    /// Lets another daemon in.
    func unlock() { lock.unlock() }

    var database: String { path + "/ledger.sqlite" }
    /// The witness of the journal's end.
    var mark: String { path + "/ledger.mark" }
    var blobs: String { path + "/blobs" }
    var params: String { path + "/params" }
    var residuals: String { path + "/residual" }
    /// What a replay without excluded contributions has come to.
    var replay: String { path + "/replay" }
    /// Deltas while a trainer hands them over.
    var incoming: String { path + "/incoming" }

    func blob(_ contribution: ContributionDigest) -> String { "\(blobs)/\(contribution)" }
    func partialBlob(_ contribution: ContributionDigest) -> String { "\(blobs)/\(contribution).partial" }
    func sidecar(_ contribution: ContributionDigest) -> String { "\(blobs)/\(contribution).pieces" }
    func parameters(_ root: Digest) -> String { "\(params)/\(root).f32" }
    func residual(_ name: String) -> String { "\(residuals)/\(name)" }
}
