import Crypto
import Glibc
import Model

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
        try make(path)
        guard let secret = try read(path) else { throw ModelError.file(path: path, reason: "vanished") }
        return secret
    }

    private static func read(_ path: String) throws -> SiteSecret? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be looked at") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError.file(path: path, reason: "is not a regular file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw ModelError.file(path: path, reason: "may be read by others than its owner; run: chmod 600 \(path)")
        }
        var got = 0
        let bytes = SecretBytes(count: byteCount) { got = Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard got == byteCount, status.st_size == byteCount else {
            throw ModelError.file(
                path: path,
                reason:
                    "has \(status.st_size) bytes, expected \(byteCount); restore it from a backup. Without it every data set gets another id, and the checkpoint cannot be used"
            )
        }
        return SiteSecret(bytes)
    }

    /// Under a temporary name, synced, then linked: after a crash there is the whole file or none, and of two processes
    /// that make one the first wins.
    private static func make(_ path: String) throws {
        let temporary = path + ".\(getpid()).partial"
        unlink(temporary)
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(temporary, "cannot be made") }
        defer {
            close(descriptor)
            unlink(temporary)
        }
        let written = SecretBytes.random(count: byteCount).withUnsafeBytes {
            write(descriptor, $0.baseAddress, $0.count)
        }
        guard written == byteCount, fsync(descriptor) == 0 else { throw failure(temporary, "cannot be written") }
        guard link(temporary, path) == 0 || errno == EEXIST else { throw failure(path, "cannot be made") }
    }

    private static func failure(_ path: String, _ what: String) -> ModelError {
        .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
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
