import Glibc
import Tensor

/// An open file with reads and writes at a place, whole or an error.
final class DiskFile: @unchecked Sendable {  // the descriptor is fixed, pread and pwrite share no position
    let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }

    enum Access {
        case read
        /// The file must be there.
        case write
        /// Made, mode 0600, where it is not there.
        case create
    }

    static func open(_ path: String, _ access: Access) throws(StoreError) -> DiskFile {
        let flags: Int32 =
            switch access {
            case .read: O_RDONLY
            case .write: O_RDWR
            case .create: O_RDWR | O_CREAT
            }
        // A C string ends at a zero byte: another file than the one that is named would be opened.
        guard !path.utf8.contains(0) else { throw .system(file: path, operation: "open", code: EINVAL) }
        // Without O_NONBLOCK a named pipe in the file's place would hold the daemon up.
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o600)
        guard descriptor >= 0 else { throw .system(file: path, operation: "open", code: errno) }
        let file = DiskFile(path: path, descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(file: path, operation: "stat", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(file: path) }
        return file
    }

    func byteCount() throws(StoreError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(file: path, operation: "stat", code: errno) }
        return Int(status.st_size)
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) {
        var done = 0
        while done < buffer.count {
            let got = pread(
                descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw .system(file: path, operation: "read", code: errno) }
            guard got > 0 else {
                throw .wrongSize(file: path, expectedBytes: offset + buffer.count, foundBytes: offset + done)
            }
            done += got
        }
    }

    func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        var failure: StoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(StoreError) {
                try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else {
                throw .system(file: path, operation: "write", code: put == 0 ? EIO : errno)
            }
            done += put
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        var failure: StoreError?
        bytes.withUnsafeBytes { buffer in
            do throws(StoreError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func resize(to byteCount: Int) throws(StoreError) {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
            throw .system(file: path, operation: "truncate", code: errno)
        }
    }

    /// Mode 0600, whatever it was.
    func restrictToOwner() throws(StoreError) {
        guard fchmod(descriptor, 0o600) == 0 else { throw .system(file: path, operation: "chmod", code: errno) }
    }

    func synchronize() throws(StoreError) {
        guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "fsync", code: errno) }
    }

    /// Gives up what `tryLock` took.
    func unlock() { flock(descriptor, LOCK_UN) }

    /// Takes the file for this process alone; false where another process has it.
    func tryLock() throws(StoreError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw .system(file: path, operation: "flock", code: errno) }
        return false
    }
}

extension DiskFile {
    static func contents(of path: String, limitBytes: Int) throws(StoreError) -> [UInt8] {
        let file = try open(path, .read)
        let count = try file.byteCount()
        guard count <= limitBytes else { throw .tooLong(file: path, limitBytes: limitBytes) }
        return try file.read(at: 0, count: count)
    }

    /// The room that a file takes; 0 where it is not there.
    static func allocatedBytes(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? 512 * Int(status.st_blocks) : 0
    }

    /// Bytes that this process may still write to the file system that holds `path`; nil if the system does not say.
    static func freeBytes(at path: String) -> UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : bytes
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether two paths name one file.
    static func isSame(_ path: String, _ other: String) -> Bool {
        var (status, otherStatus) = (stat(), stat())
        guard stat(path, &status) == 0, stat(other, &otherStatus) == 0 else { return false }
        return status.st_dev == otherStatus.st_dev && status.st_ino == otherStatus.st_ino
    }

    /// Renames, and makes the new name durable.
    static func rename(_ old: String, to new: String) throws(StoreError) {
        guard Glibc.rename(old, new) == 0 else { throw .system(file: new, operation: "rename", code: errno) }
        try synchronizeDirectory(folder(of: new))
    }

    /// Removes; a file that is not there is removed already.
    static func remove(_ path: String) { unlink(path) }

    /// Overwrites a file with zeros, syncs, and removes it: what a retired key's file held is gone as far as a file system
    /// lets one see to it.
    static func erase(_ path: String) throws(StoreError) {
        let file = try open(path, .write)
        try file.write([UInt8](repeating: 0, count: file.byteCount()), at: 0)
        try file.synchronize()
        guard unlink(path) == 0 else { throw .system(file: path, operation: "unlink", code: errno) }
        try synchronizeDirectory(folder(of: path))
    }

    static func synchronizeDirectory(_ path: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(file: path, operation: "open", code: errno) }
        defer { Glibc.close(descriptor) }
        // Some file systems have no directories to sync.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(file: path, operation: "fsync", code: errno)
        }
    }

    /// Makes a folder, mode 0700, and those above it where they are not there.
    ///
    /// - Throws: `StoreError.system` with the folder that could not be made and the system's reason.
    static func makeDirectory(_ path: String) throws(StoreError) {
        do throws(ParameterFileError) { try RegularFile.makeDirectory(path, mode: 0o700) } catch {
            throw StoreError(error)
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder, ascending, without `.` and `..`.
    static func names(in directory: String) throws(StoreError) -> [String] {
        guard let handle = opendir(directory) else {
            throw .system(file: directory, operation: "opendir", code: errno)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
