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
