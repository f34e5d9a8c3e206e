import Crypto
import Glibc
import SiteFiles

/// Whole small files: read with a limit, written so that a name always holds the whole file or the one before.
enum DiskFile {
    /// - Parameter limitBytes: nothing longer is read.
    static func read(_ path: String, limitBytes: Int) throws -> [UInt8] {
        try SmallFile.read(path, limitBytes: limitBytes)
    }

    /// Writes under a temporary name, syncs, renames, and syncs the directory: a power cut afterwards takes nothing back.
    ///
    /// - Parameter replacing: whether a file of that name may be replaced.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool, mode: mode_t = 0o644) throws {
        guard replacing || !exists(path) else {
            throw Failure("\(path) exists already", advice: "Remove it, choose another name, or give --force.")
        }
        let temporary = path + "." + SecretBytes.random(count: 6).withUnsafeBytes { Hex.encode($0) } + ".partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("write", path) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            }
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else {
                let failure = failure("write", temporary)
                unlink(temporary)
                throw failure
            }
            done += put
        }
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            let failure = failure("write", path)
            unlink(temporary)
            throw failure
        }
        try synchronizeDirectory(of: path)
    }

    private static func synchronizeDirectory(of path: String) throws {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("sync", folder) }
        defer { close(descriptor) }
        // Some file systems have no directories to sync.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("sync", folder) }
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        guard !isDirectory(path) else { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]))
        }
        guard mkdir(path, mode) == 0 || isDirectory(path) else { throw failure("make directory", path) }
    }

    /// The names in a directory, ascending.
    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw failure("read", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The path as a process in any directory would name it.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    private static func failure(_ verb: String, _ path: String) -> Failure {
        Failure("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
