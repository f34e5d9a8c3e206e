import Glibc

extension KeyFile {
    /// Reads and checks the key file at `path`.
    ///
    /// - Throws: what `init(contents:kind:path:)` throws, `systemCall`, `notARegularFile`, and `permissionsTooWide` for
    ///   a mode that has more than 0600.
    public static func load(_ kind: KeyKind, from path: String) throws(KeyFileError) -> KeyFile {
        // Without O_NONBLOCK a named pipe in the file's place would hold the program up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("fstat", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw KeyFileError(path: path, problem: .notARegularFile) }
        let mode = status.st_mode & 0o7777
        guard mode & ~0o600 == 0 else { throw KeyFileError(path: path, problem: .permissionsTooWide(mode: mode)) }
        guard let byteCount = Int(exactly: status.st_size), byteCounts.contains(byteCount) else {
            throw KeyFileError(
                path: path, problem: .wrongLength(byteCount: Int(clamping: status.st_size), expected: byteCounts))
        }
        var got = 0
        let contents = SecretBytes(count: byteCount) { got = readFully(descriptor, into: $0) }
        guard got >= 0 else { throw failure("read", path) }
        guard got == byteCount else {
            throw KeyFileError(path: path, problem: .wrongLength(byteCount: got, expected: [byteCount]))
        }
        return try KeyFile(contents: contents, kind: kind, path: path)
    }

    /// Writes the file to `path` with mode 0600: under a temporary name, synced, then renamed, then the directory synced.
    /// After a crash there is the whole file or none.
    ///
    /// - Parameter replacing: whether a file of that name may be replaced; a key that is overwritten is lost.
    /// - Throws: `alreadyExists`, `systemCall`.
    public func store(replacing: Bool = false) throws(KeyFileError) {
        let suffix = SecretBytes.random(count: 8).withUnsafeBytes { Hex.encode($0) }
        let temporaryPath = "\(path).\(suffix).tmp"
        try writeSynced(to: temporaryPath)
        // rename(2) replaces silently; link(2) refuses where there is a file.
        let status = replacing ? rename(temporaryPath, path) : link(temporaryPath, path)
        let code = errno
        if !replacing || status != 0 { unlink(temporaryPath) }
        guard status == 0 else {
            let problem: KeyFileError.Problem =
                code == EEXIST ? .alreadyExists : .systemCall(name: replacing ? "rename" : "link", code: code)
            throw KeyFileError(path: path, problem: problem)
        }
        try syncDirectory()
    }

    private func writeSynced(to temporaryPath: String) throws(KeyFileError) {
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw KeyFile.failure("open", temporaryPath) }
        var error: KeyFileError?
        if !contents.withUnsafeBytes({ KeyFile.writeFully($0, to: descriptor) }) {
            error = KeyFile.failure("write", temporaryPath)
        } else if fchmod(descriptor, 0o600) != 0 {
            error = KeyFile.failure("fchmod", temporaryPath)
        } else if fsync(descriptor) != 0 {
            error = KeyFile.failure("fsync", temporaryPath)
        }
        if close(descriptor) != 0, error == nil { error = KeyFile.failure("close", temporaryPath) }
        if let error {
            unlink(temporaryPath)
            throw error
        }
    }

    private func syncDirectory() throws(KeyFileError) {
        let separator = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = separator.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KeyFile.failure("open", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw KeyFile.failure("fsync", directory) }
    }

    private static func failure(_ call: String, _ path: String) -> KeyFileError {
        KeyFileError(path: path, problem: .systemCall(name: call, code: errno))
    }

    /// How many bytes were read until the buffer was full or the file at its end; -1 for an error.
    private static func readFully(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        while done < buffer.count {
            let got = read(descriptor, buffer.baseAddress! + done, buffer.count - done)
            if got < 0 && errno == EINTR { continue }
            if got < 0 { return -1 }
            if got == 0 { break }
            done += got
        }
        return done
    }

    private static func writeFully(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let put = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if put < 0 && errno == EINTR { continue }
            if put < 0 { return false }
            done += put
        }
        return true
    }
}
