import Glibc

/// What is done with names in the file system. New and changed names are durable when a call returns, unless it says otherwise.
extension File {
    public enum Kind: Sendable {
        case missing
        case directory
        case other
    }

    /// What is at a path, links followed.
    public static func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == ENOENT ? .missing : .other }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    public static func isDirectory(_ path: String) -> Bool { kind(of: path) == .directory }

    /// Whether something has this name; a link that leads nowhere counts.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Whether two paths name one file.
    public static func isSame(_ path: String, _ other: String) -> Bool {
        var (status, otherStatus) = (stat(), stat())
        guard stat(path, &status) == 0, stat(other, &otherStatus) == 0 else { return false }
        return status.st_dev == otherStatus.st_dev && status.st_ino == otherStatus.st_ino
    }

    /// The bytes that a file takes on its disk; 0 if it is missing.
    public static func allocatedBytes(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? 512 * Int(status.st_blocks) : 0
    }

    /// Bytes that this process may still write to the file system that holds `path`; nil if the system does not say.
    public static func freeBytes(at path: String) -> UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : bytes
    }

    /// Renames; a file of the new name is replaced.
    public static func rename(_ old: String, to new: String) throws(FileError) {
        try checkPath(new, "rename")
        guard Glibc.rename(old, new) == 0 else { throw .system(file: new, operation: "rename", code: errno) }
        try Folder.synchronize(folder(of: new))
    }

    /// Gives a file a second name; a name that is there already stays as it is.
    public static func link(_ old: String, as new: String) throws(FileError) {
        try checkPath(new, "link")
        guard Glibc.link(old, new) == 0 || errno == EEXIST else {
            throw .system(file: new, operation: "link", code: errno)
        }
        try Folder.synchronize(folder(of: new))
    }

    /// Removes, not durably; a file that is missing is removed already.
    public static func remove(_ path: String) { Glibc.unlink(path) }

    /// Removes.
    public static func unlink(_ path: String) throws(FileError) {
        guard Glibc.unlink(path) == 0 else { throw .system(file: path, operation: "unlink", code: errno) }
        try Folder.synchronize(folder(of: path))
    }

    /// Overwrites a file with zeros, syncs, and removes it: what it held is gone as far as a file system lets one see to it.
    public static func erase(_ path: String) throws(FileError) {
        let file = try open(path, .write)
        try file.write([UInt8](repeating: 0, count: file.byteCount()), at: 0)
        try file.synchronize()
        try unlink(path)
    }

    /// The folder that a file lies in.
    public static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path as a process in any directory would name it.
    public static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }
}

/// Directories.
public enum Folder {
    /// Makes a directory and those above it if they are missing.
    ///
    /// - Parameters:
    ///   - mode: the permission bits, as the umask allows.
    ///   - modeAbove: of the directories above; nil for the same.
    /// - Throws: `FileError.system` with the directory that could not be made and the system's reason.
    public static func make(_ path: String, mode: mode_t, modeAbove: mode_t? = nil) throws(FileError) {
        try File.checkPath(path, "create directory")
        // From the first directory that is there downwards, each once: nothing is tried again.
        var missing: [String] = []
        var next = path
        while next.utf8.count > 1, next.utf8.last == UInt8(ascii: "/") { next.removeLast() }
        let last = next
        while !File.isDirectory(next) {
            missing.append(next)
            let above = File.folder(of: next)
            guard above != next else { break }
            next = above
        }
        for folder in missing.reversed() {
            let status = mkdir(folder, folder == last ? mode : modeAbove ?? mode)
            let code = errno
            // Another process may have made it meanwhile.
            guard status == 0 || File.isDirectory(folder) else {
                throw .system(file: folder, operation: "create directory", code: code == EEXIST ? ENOTDIR : code)
            }
            if status == 0 { try synchronize(File.folder(of: folder)) }
        }
    }

    /// The names in a directory, ascending, without `.` and `..`.
    public static func names(in path: String) throws(FileError) -> [String] {
        try File.checkPath(path, "open")
        guard let handle = opendir(path) else { throw .system(file: path, operation: "open", code: errno) }
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

    /// Makes new names in a directory durable.
    public static func synchronize(_ path: String) throws(FileError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(file: path, operation: "open", code: errno) }
        defer { close(descriptor) }
        // Some file systems have no directories to sync.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(file: path, operation: "fsync", code: errno)
        }
    }
}
