import Glibc

/// A directory tree as the system has it: names are bytes, entries come and go, links lead anywhere.
struct TextFolder {
    struct Entry {
        /// From the root on, as the system has it.
        let bytes: [UInt8]
        let byteCount: Int

        var name: String { String(decoding: bytes, as: UTF8.self) }
    }

    enum Content {
        case bytes([UInt8])
        case skipped(SkippedFile.Reason)
    }

    /// What a file system calls one file or folder, however many paths lead to it.
    private struct Identity: Hashable {
        let device: UInt64
        let number: UInt64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            number = UInt64(status.st_ino)
        }
    }

    private let root: String
    /// Sorted by the bytes of the path.
    private(set) var files: [Entry] = []
    private(set) var skipped: [SkippedFile] = []
    private var seen: Set<Identity> = []

    init(_ root: String) { self.root = root }

    /// Lists everything below the root, in the order of the paths.
    ///
    /// - Throws: `ModelError.file` if the root is no directory that can be listed.
    mutating func list() throws(ModelError) {
        var status = stat()
        guard stat(root, &status) == 0 else { throw .file(path: root, reason: systemWords()) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .file(path: root, reason: "is not a directory") }
        // A file or folder that is there twice is read where it lies, not where a link leads to it: so links come last.
        var links: [[UInt8]] = []
        seen.insert(Identity(status))
        try list(folder: [], links: &links)
        while !links.isEmpty {
            links.sort { $0.lexicographicallyPrecedes($1) }
            let link = links.removeFirst()
            try follow(link, links: &links)
        }
        files.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    private mutating func follow(_ link: [UInt8], links: inout [[UInt8]]) throws(ModelError) {
        var status = stat()
        let code = withPath(link) { stat($0, &status) == 0 ? 0 : errno }
        guard code == 0 else {
            return skip(link, code == ENOENT || code == ELOOP ? .brokenLink : .unreadable(systemWords(code)))
        }
        guard seen.insert(Identity(status)).inserted else { return skip(link, .alreadyRead) }
        try take(link, status, links: &links)
    }

    private mutating func take(_ path: [UInt8], _ status: stat, links: inout [[UInt8]]) throws(ModelError) {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: try list(folder: path, links: &links)
        case S_IFREG: files.append(Entry(bytes: path, byteCount: Int(status.st_size)))
        default: skip(path, .notAFile)
        }
    }

    /// Lists a folder and those below it; links are kept for later.
    private mutating func list(folder: [UInt8], links: inout [[UInt8]]) throws(ModelError) {
        var pending = [folder]
        while let folder = pending.popLast() {
            guard let names = try names(in: folder) else { continue }
            for name in names {
                let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
                guard String(validating: name, as: UTF8.self) != nil else {
                    skip(path, .name)
                    continue
                }
                var status = stat()
                let code = withPath(path) { lstat($0, &status) == 0 ? 0 : errno }
                guard code == 0 else {
                    skip(path, code == ENOENT ? .vanished : .unreadable(systemWords(code)))
                    continue
                }
                if status.st_mode & S_IFMT == S_IFLNK {
                    links.append(path)
                } else if !seen.insert(Identity(status)).inserted {
                    skip(path, .alreadyRead)
                } else if status.st_mode & S_IFMT == S_IFDIR {
                    pending.append(path)
                } else {
                    try take(path, status, links: &links)
                }
            }
        }
    }

    /// The names in a folder, ascending, without hidden ones; nil if it cannot be listed, which is noted.
    private mutating func names(in folder: [UInt8]) throws(ModelError) -> [[UInt8]]? {
        let handle = withPath(folder) { opendir($0) }
        guard let handle else {
            let code = errno
            guard !folder.isEmpty else { throw .file(path: root, reason: systemWords(code)) }
            skip(folder, code == ENOENT ? .vanished : .unreadable(systemWords(code)))
            return nil
        }
        defer { closedir(handle) }
        var names: [[UInt8]] = []
        while let entry = readdir(handle) {
            let length = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { strlen($0) }
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix(length)) }
            if name.first != UInt8(ascii: ".") { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The whole content of a file. A pipe that took its place meanwhile holds nothing up.
    func read(_ entry: Entry, limitBytes: Int) -> Content {
        let descriptor = withPath(entry.bytes) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else {
            return .skipped(errno == ENOENT ? .vanished : .unreadable(systemWords()))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .skipped(.unreadable(systemWords())) }
        guard status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) <= limitBytes else {
            return .skipped(.vanished)
        }
        let count = Int(status.st_size)
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(filled))
                if got < 0 && errno == EINTR { continue }
                if got < 0 { code = errno }
                guard got > 0 else { break }
                filled += got
            }
        }
        if code != 0 { return .skipped(.unreadable(systemWords(code))) }
        return bytes.count == count ? .bytes(bytes) : .skipped(.vanished)
    }

    private mutating func skip(_ path: [UInt8], _ reason: SkippedFile.Reason) {
        skipped.append(SkippedFile(path: TextFolder.printable(path), reason: reason))
    }

    /// Calls `body` with the system's path of an entry.
    private func withPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        var full = Array(root.utf8CString.dropLast())
        if !path.isEmpty { full.append(CChar(bitPattern: UInt8(ascii: "/"))) }
        full += path.map(CChar.init(bitPattern:))
        full.append(0)
        return full.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("a C string ends with a zero") }
            return body(base)
        }
    }

    private func systemWords(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

    /// A path for a message: bytes that are not UTF-8 and control characters as `\xNN`.
    static func printable(_ path: [UInt8]) -> String {
        let isText = String(validating: path, as: UTF8.self) != nil
        var plain: [UInt8] = []
        for byte in path {
            if byte >= 0x20, byte != 0x7F, byte < 0x80 || isText {
                plain.append(byte)
            } else {
                plain += Array("\\x\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8)
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
