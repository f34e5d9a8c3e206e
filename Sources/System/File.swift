import Glibc

/// An open regular file with reads and writes at a place, each whole or an error.
///
/// Any thread may call: reads and writes carry their own place. A file that is being read or written at once by two callers is as
/// consistent as the operating system makes it.
public final class File: @unchecked Sendable {  // the descriptor is fixed, pread and pwrite share no position
    public let path: String
    private let descriptor: Int32

    /// What `open` may do to the file system.
    public enum Access: Sendable {
        /// Reads a file that is there.
        case read
        /// Reads and writes a file that is there.
        case write
        /// Reads and writes; made with these permissions, as the umask allows, if it is missing.
        case create(mode: mode_t = 0o600)
        /// As `create`, and what the file held is gone.
        case createEmpty(mode: mode_t = 0o600)
        /// As `create`, and `FileError.alreadyExists` if something has this name.
        case createNew(mode: mode_t = 0o600)
    }

    /// Opens the file at `path`. A named pipe, a device or a directory in its place is refused and holds nothing up.
    ///
    /// - Parameter followsLink: whether `path` may be a symbolic link.
    public static func open(_ path: String, _ access: Access, followsLink: Bool = true) throws(FileError) -> File {
        let operation: String
        let flags: Int32
        var mode: mode_t = 0
        switch access {
        case .read: (operation, flags) = ("open", O_RDONLY)
        case .write: (operation, flags) = ("open for writing", O_RDWR)
        case .create(let given): (operation, flags, mode) = ("open for writing", O_RDWR | O_CREAT, given)
        case .createEmpty(let given): (operation, flags, mode) = ("create", O_RDWR | O_CREAT | O_TRUNC, given)
        case .createNew(let given): (operation, flags, mode) = ("create", O_RDWR | O_CREAT | O_EXCL, given)
        }
        try File.checkPath(path, operation)
        // Without O_NONBLOCK a named pipe in the file's place would hold the program up.
        let always = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW)
        let descriptor = Glibc.open(path, flags | always, mode)
        guard descriptor >= 0 else {
            if case .createNew = access, errno == EEXIST { throw .alreadyExists(file: path) }
            // Opening a directory for writing fails by itself; the reason is the same.
            if errno == EISDIR { throw .notARegularFile(file: path) }
            throw .system(file: path, operation: operation, code: errno)
        }
        let file = File(path: path, descriptor: descriptor)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(file: path) }
        return file
    }

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    public func byteCount() throws(FileError) -> Int { Int(try status().st_size) }

    /// The permission bits, `0o7777` and below.
    public func mode() throws(FileError) -> mode_t { try status().st_mode & 0o7777 }

    private func status() throws(FileError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(file: path, operation: "stat", code: errno) }
        return status
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// - Throws: `wrongSize` if the file ends before.
    public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) {
        guard let base = buffer.baseAddress else { return }
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .system(file: path, operation: "read", code: errno) }
            guard got > 0 else {
                throw .wrongSize(file: path, expectedBytes: offset + buffer.count, foundBytes: offset + done)
            }
            done += got
        }
    }

    public func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileError) {
                try read(
                    at: offset,
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { throw .system(file: path, operation: "write", code: put == 0 ? EIO : errno) }
            done += put
        }
    }

    public func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var failure: FileError?
        bytes.withUnsafeBytes { buffer in
            do throws(FileError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    public func resize(to byteCount: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
            throw .system(file: path, operation: "truncate", code: errno)
        }
    }

    /// Sets the permission bits, whatever the umask is.
    public func setMode(_ mode: mode_t) throws(FileError) {
        guard fchmod(descriptor, mode) == 0 else { throw .system(file: path, operation: "chmod", code: errno) }
    }

    /// Waits until what was written is on the disk.
    public func synchronize() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "fsync", code: errno) }
    }

    /// Takes the file for this process alone; false if another process has it.
    public func tryLock() throws(FileError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw .system(file: path, operation: "flock", code: errno) }
        return false
    }

    /// Gives up what `tryLock` took.
    public func unlock() { flock(descriptor, LOCK_UN) }

    /// A C string ends at a zero byte: another file than the one that is named would be used.
    static func checkPath(_ path: String, _ operation: String) throws(FileError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .system(file: path, operation: operation, code: EINVAL)
        }
    }
}
