import System

extension KeyFile {
    /// Reads and checks the key file at `path`.
    ///
    /// - Throws: what `init(contents:kind:path:)` throws, `file`, and `permissionsTooWide` for a mode that has more than 0600.
    public static func load(_ kind: KeyKind, from path: String) throws(KeyFileError) -> KeyFile {
        let (mode, byteCount): (UInt32, Int)
        let file: File
        do throws(FileError) {
            file = try File.open(path, .read)
            (mode, byteCount) = (try file.mode(), try file.byteCount())
        } catch {
            throw KeyFileError(path: path, problem: .file(error))
        }
        guard mode & ~0o600 == 0 else { throw KeyFileError(path: path, problem: .permissionsTooWide(mode: mode)) }
        guard byteCounts.contains(byteCount) else {
            throw KeyFileError(path: path, problem: .wrongLength(byteCount: byteCount, expected: byteCounts))
        }
        var failure: FileError?
        let contents = SecretBytes(count: byteCount) { buffer in
            do throws(FileError) { try file.read(at: 0, into: buffer) } catch { failure = error }
        }
        if let failure { throw KeyFileError(path: path, problem: .file(failure)) }
        return try KeyFile(contents: contents, kind: kind, path: path)
    }

    /// Writes the file to `path` with mode 0600, as `NewFile` does: after a crash there is the whole file or none.
    ///
    /// - Parameter isReplacing: whether a file of that name may be replaced; a key that is overwritten is lost.
    /// - Throws: `file`; with `FileError.alreadyExists` if there is one and it may not be replaced.
    public func store(isReplacing: Bool = false) throws(KeyFileError) {
        do throws(FileError) {
            let output = try NewFile(path, mode: 0o600, temporaryName: .unique)
            // Whatever the umask is.
            try output.file.setMode(0o600)
            var failure: FileError?
            contents.withUnsafeBytes { buffer in
                do throws(FileError) { try output.file.write(buffer, at: 0) } catch { failure = error }
            }
            if let failure { throw failure }
            try output.finish(isReplacing: isReplacing)
        } catch {
            throw KeyFileError(path: path, problem: .file(error))
        }
    }
}
