/// One file of text.
public struct TextFile: Hashable, Sendable {
    /// Relative to the corpus' folder.
    public let path: String
    /// Valid UTF-8, exactly as on disk.
    public let bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// A 64-bit hash of the contents (FNV-1a, finished by SplitMix64's mixer). It decides the split; it is no security.
    var contentHash: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return SplitMix.mix(hash)
    }
}

/// A file or folder that takes no part in training, and why.
public struct SkippedFile: Hashable, Sendable {
    /// Relative to the corpus' folder; bytes that are not UTF-8 are written as `\xNN`.
    public let path: String
    public let reason: Reason

    public enum Reason: Hashable, Sendable {
        case empty
        /// The text is in another encoding than UTF-8, as far as its bytes tell.
        case encoding(TextEncoding)
        /// The file's name is not UTF-8.
        case name
        /// The file is gone, or became shorter while it was read.
        case vanished
        /// The system refused to open or read it; the system's words.
        case unreadable(String)
        /// A symbolic link that leads nowhere.
        case brokenLink
        /// A named pipe, a device or a socket.
        case notAFile
        /// Reached by a link; it is read under another path.
        case alreadyRead
    }
}

/// A site's own directory of UTF-8 text, whole in memory.
public struct TextCorpus: Sendable {
    /// Sorted by the bytes of the path.
    public let files: [TextFile]
    /// What takes no part, in the order of the paths.
    public let skipped: [SkippedFile]

    /// More text than a trainer of the presets could read in months; a wrong `--data` ends here, not in swap.
    public static let byteLimit = 4 << 30

    /// Reads all regular files below `directory`, hidden ones excepted. Links are followed; each file and each folder is
    /// read once, however many links lead to it. What cannot be read is skipped and named.
    ///
    /// - Throws: `ModelError.file` if the directory itself cannot be listed, `.tooMuchText` beyond `byteLimit`.
    public init(directory: String, byteLimit: Int = TextCorpus.byteLimit) throws(ModelError) {
        var folder = TextFolder(directory)
        try folder.list()
        var files: [TextFile] = []
        var skipped = folder.skipped
        var total = 0
        for file in folder.files {
            guard file.byteCount <= byteLimit - total else {
                throw .tooMuchText(path: directory, limitBytes: byteLimit)
            }
            switch folder.read(file, limitBytes: byteLimit - total) {
            case .skipped(let reason): skipped.append(SkippedFile(path: file.name, reason: reason))
            case .bytes(let bytes):
                if let reason = TextCorpus.refusal(bytes) {
                    skipped.append(SkippedFile(path: file.name, reason: reason))
                } else {
                    total += bytes.count
                    files.append(TextFile(path: file.name, bytes: bytes))
                }
            }
        }
        self.files = files
        self.skipped = skipped.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// Bytes of all files.
    public var byteCount: Int { files.reduce(0) { $0 + $1.bytes.count } }

    private static func refusal(_ bytes: [UInt8]) -> SkippedFile.Reason? {
        guard !bytes.isEmpty else { return .empty }
        return TextEncoding.other(than: bytes).map { .encoding($0) }
    }
}

extension SkippedFile.Reason {
    /// For a sentence: `3 files that are ...`.
    public var words: String {
        switch self {
        case .empty: "empty"
        case .encoding(.binary): "not text"
        case .encoding(let encoding):
            "in \(encoding.name), not UTF-8 (convert: iconv -f \(encoding.iconvName) -t UTF-8 OLD >NEW)"
        case .name: "of a name that is not UTF-8 (rename)"
        case .vanished: "gone, or changed, while the directory was read"
        case .unreadable(let why): "not readable: \(why)"
        case .brokenLink: "links that lead nowhere"
        case .notAFile: "pipes, devices or sockets"
        case .alreadyRead: "reached by a link and read under another path"
        }
    }
}
