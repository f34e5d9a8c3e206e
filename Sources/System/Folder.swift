import Glibc

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
