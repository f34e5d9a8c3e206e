import FoundationEssentials

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

/// A site's own directory of UTF-8 text, whole in memory.
public struct TextCorpus: Sendable {
    /// Sorted by the bytes of the path.
    public let files: [TextFile]
    /// Paths of files that are empty or not UTF-8, and so take no part.
    public let skipped: [String]

    /// More text than a trainer of the presets could read in months; a wrong `--data` ends here, not in swap.
    public static let byteLimit = 4 << 30

    /// Reads all regular files below `directory`, hidden ones and links excepted.
    ///
    /// - Throws: `ModelError.file` where something cannot be read, `.tooMuchText` beyond `byteLimit`.
    public init(directory: String, byteLimit: Int = TextCorpus.byteLimit) throws(ModelError) {
        var files: [TextFile] = []
        var skipped: [String] = []
        var total = 0
        for path in try TextCorpus.regularFiles(below: directory) {
            let full = directory + "/" + path.path
            guard path.bytes <= byteLimit - total else {
                throw .tooMuchText(path: directory, limitBytes: byteLimit)
            }
            let bytes: [UInt8]
            do {
                bytes = [UInt8](try Data(contentsOf: URL(filePath: full)))
            } catch {
                throw .file(path: full, reason: "cannot be read: \(error)")
            }
            total += bytes.count
            if bytes.isEmpty || String(validating: bytes, as: UTF8.self) == nil {
                skipped.append(path.path)
            } else {
                files.append(TextFile(path: path.path, bytes: bytes))
            }
        }
        self.files = files
        self.skipped = skipped
    }

    /// Bytes of all files.
    public var byteCount: Int { files.reduce(0) { $0 + $1.bytes.count } }

    private static func regularFiles(below directory: String) throws(ModelError) -> [(path: String, bytes: Int)] {
        var found: [(path: String, bytes: Int)] = []
        var pending = [""]
        while let folder = pending.popLast() {
            let full = directory + "/" + folder
            do {
                for name in try FileManager.default.contentsOfDirectory(atPath: full) where !name.hasPrefix(".") {
                    let path = folder.isEmpty ? name : folder + "/" + name
                    let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + path)
                    switch attributes[.type] as? FileAttributeType {
                    case .typeDirectory?: pending.append(path)
                    case .typeRegular?: found.append((path, Int(attributes[.size] as? UInt64 ?? 0)))
                    default: break
                    }
                }
            } catch {
                throw .file(path: full, reason: "cannot be listed: \(error)")
            }
        }
        return found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}
