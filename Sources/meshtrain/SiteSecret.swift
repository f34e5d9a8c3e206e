import Crypto
import Model
import System

/// The secret of a site's trainer: 32 random bytes in a file of mode 0600 beside the checkpoint, made at the first start and never
/// sent. Which text the batches hold follows from it, and so do the ids and digests of data sets: without it nobody can
/// confirm a guess of what this site trains on.
struct SiteSecret: Sendable {
    static let byteCount = 32
    private let bytes: SecretBytes

    init(_ bytes: SecretBytes) {
        precondition(bytes.count == SiteSecret.byteCount, "a site's secret has 32 bytes")
        self.bytes = bytes
    }

    /// Reads `site.secret` in `directory`, or makes it where there is none.
    ///
    /// - Throws: `ModelError.file`, which names the file and what to do.
    static func open(in directory: String) throws -> SiteSecret {
        let path = directory + "/site.secret"
        if let secret = try read(path) { return secret }
        do throws(FileError) {
            try make(path)
        } catch {
            // Of two processes that make one the first wins.
            guard case .alreadyExists = error else { throw ModelError.file(path: path, reason: error.reason) }
        }
        guard let secret = try read(path) else { throw ModelError.file(path: path, reason: "vanished") }
        return secret
    }

    private static func read(_ path: String) throws -> SiteSecret? {
        let file: File
        let (mode, count): (UInt32, Int)
        do throws(FileError) {
            file = try File.open(path, .read, followsLink: false)
            (mode, count) = (try file.mode(), try file.byteCount())
        } catch {
            if error.isMissing { return nil }
            throw ModelError.file(path: path, reason: error.reason)
        }
        guard mode & 0o077 == 0 else {
            throw ModelError.file(path: path, reason: "may be read by others than its owner; run: chmod 600 \(path)")
        }
        guard count == byteCount else {
            throw ModelError.file(
                path: path,
                reason:
                    "has \(count) bytes, expected \(byteCount); restore it from a backup. Without it every data set gets another id, and the checkpoint cannot be used"
            )
        }
        do throws(FileError) {
            return SiteSecret(try SecretBytes(count: byteCount, from: file))
        } catch {
            throw ModelError.file(path: path, reason: error.reason)
        }
    }

    /// After a crash there is the whole file or none.
    private static func make(_ path: String) throws(FileError) {
        let output = try NewFile(path, temporaryName: .unique)
        try SecretBytes.random(count: byteCount).write(to: output.file)
        try output.finish(isReplacing: false)
    }

    /// The id of the data set of this name: the same as long as the name is.
    func identifier(ofDataSet name: String) -> Digest {
        Digest(DigestDomain("mesh/dataset-id"), key: bytes, Array(name.utf8))
    }

    /// The digest of a file's contents, for this site's own register.
    func digest(ofFile contents: [UInt8]) -> Digest { Digest(DigestDomain("mesh/data-file"), key: bytes, contents) }

    /// The digest of a data set's contents, from those of its files: names and order do not matter.
    func digest(ofFiles files: [Digest]) -> Digest {
        Digest(DigestDomain("mesh/dataset"), key: bytes, files.sorted().flatMap(\.bytes))
    }

    /// The seed of the batches: each step's is a keyed digest of its number.
    var batches: BatchSeed {
        let key = bytes
        return BatchSeed(identifier: SiteSecret.word(Digest(DigestDomain("mesh/batch-name"), key: key, []))) { step in
            SiteSecret.word(
                Digest(DigestDomain("mesh/batch"), key: key, withUnsafeBytes(of: step.littleEndian) { Array($0) }))
        }
    }

    private static func word(_ digest: Digest) -> UInt64 { digest.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
