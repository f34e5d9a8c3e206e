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
        let contents: SecretBytes
        do throws(FileError) {
            contents = try SecretBytes(count: byteCount, from: file)
        } catch {
            throw KeyFileError(path: path, problem: .file(error))
        }
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
            try contents.write(to: output.file)
            try output.finish(isReplacing: isReplacing)
        } catch {
            throw KeyFileError(path: path, problem: .file(error))
        }
    }
}
