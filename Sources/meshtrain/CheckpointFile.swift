import FoundationEssentials
import Glibc
import Model

/// A checkpoint on disk: what is under the name is always whole.
enum CheckpointFile {
    /// The checkpoint at `path`, or nil where there is none yet.
    ///
    /// - Throws: `ModelError` naming what is damaged or does not belong to this model.
    static func read(_ path: String, layout: ModelLayout) throws -> Checkpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        // At most three vectors: anything longer is refused by its size alone.
        let limit = Checkpoint.byteCount(parameterCount: layout.parameterCount, includingParameters: true)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? 0
        guard size <= UInt64(limit) else {
            throw ModelError.checkpointLength(expected: limit, found: Int(clamping: size))
        }
        do {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            return try Checkpoint(decoding: bytes, parameterCount: layout.parameterCount)
        } catch let error as ModelError {
            throw ModelError.file(
                path: path, reason: error.description + "; remove the file to go on without what it kept")
        }
    }

    static func write(_ checkpoint: Checkpoint, to path: String) throws {
        try PrivateFile.write(checkpoint.encoded(), to: path)
    }
}

/// Files of the trainer's own, mode 0600.
enum PrivateFile {
    /// Under a temporary name, synced, renamed: what is under the name is always whole.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        func check(_ holds: Bool, _ operation: String) throws {
            guard holds else {
                throw ModelError.file(path: temporary, reason: "\(operation) failed, errno \(errno)")
            }
        }
        try check(descriptor >= 0, "create")
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if written < 0 && errno == EINTR { continue }
            try check(written > 0, "write")
            done += written
        }
        try check(fsync(descriptor) == 0, "fsync")
        try check(rename(temporary, path) == 0, "rename")
    }
}
