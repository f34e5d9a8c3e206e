import Model
import System
import Tensor

/// A checkpoint on disk: written under a temporary name, synced, renamed. What is under the name is always whole, and a
/// write that fails leaves nothing behind.
enum CheckpointFile {
    /// The checkpoint at `path`, or nil if there is none yet.
    ///
    /// - Throws: `ModelError` naming what is damaged or does not belong to this model.
    static func read(_ path: String, layout: ModelLayout) throws -> Checkpoint? {
        // At most three vectors: anything longer is refused by its size alone.
        let limit = Checkpoint.byteCount(parameterCount: layout.parameterCount, includingParameters: true)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.contents(of: path, limitBytes: limit)
        } catch {
            if error.isMissing { return nil }
            throw ModelError.file(path: path, reason: error.reason)
        }
        do throws(ModelError) {
            return try Checkpoint(decoding: bytes, parameterCount: layout.parameterCount)
        } catch {
            throw ModelError.file(
                path: path, reason: error.description + "; remove the file to go on without what it kept")
        }
    }

    /// Waits while the disk is full.
    ///
    /// - Parameter full: called once, when the disk is found full.
    static func write(_ checkpoint: Checkpoint, to path: String, full: () -> Void = {}) throws {
        let bytes = checkpoint.encoded()
        try DiskSpace.waiting(full: full) { () throws(FileError) in
            try File.write(bytes, to: path, temporaryName: .fixed)
        }
    }
}
