import Crypto
import FoundationEssentials
import Glibc
import Model
import System

/// What this site knows of its data sets, in `datasets.json` beside the checkpoint, mode 0600. It never leaves the site.
///
/// Contributions name a data set by its id, a keyed digest of its name. When the members exclude a data set for the future,
/// they exclude the id: adding a line to a file changes the digest of the contents and not the id.
struct DataSetRegister: Codable, Equatable {
    struct File: Codable, Equatable {
        let path: String
        let bytes: Int
        /// Keyed, hexadecimal.
        let digest: String
    }

    /// What a data set held from some version on.
    struct Contents: Codable, Equatable {
        /// Of all files, keyed, hexadecimal.
        let digest: String
        let files: Int
        let bytes: Int
        /// Seconds since 1970 when it was first read, by this machine's clock; for people.
        let since: Int
    }

    struct Entry: Codable, Equatable {
        /// Hexadecimal; what contributions name.
        let id: String
        let name: String
        var licence: String?
        var mode: String
        /// The files as last read.
        var files: [File]
        /// The newest last, at most `contentsMaximum`.
        var contents: [Contents]
    }

    private(set) var dataSets: [Entry] = []

    static let contentsMaximum = 1000
    static let nameBytesMaximum = 64

    /// Letters, digits, dot, underscore and hyphen: names that are equal are equal as bytes.
    static func isValidName(_ name: String) -> Bool {
        (1...nameBytesMaximum).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
    }

    /// Enters what was read under a name: a new data set, or new contents of a known one.
    ///
    /// - Returns: the id that contributions name.
    /// - Throws: `DataSetError.registered` where at least half of the text is another data set's: a new name would be a new id,
    ///   which no exclusion binds.
    mutating func enter(
        _ read: [TextFile], name: String, licence: String?, mode: String, secret: SiteSecret, now: Int
    ) throws(DataSetError) -> Digest {
        precondition(DataSetRegister.isValidName(name), "the command checks names")
        let digests = read.map { secret.digest(ofFile: $0.bytes) }
        let files = zip(read, digests).map {
            File(path: $0.path, bytes: $0.bytes.count, digest: $1.description)
        }
        let total = files.reduce(0) { $0 + $1.bytes }
        let id = secret.identifier(ofDataSet: name)
        for other in dataSets where other.id != id.description {
            let known = Set(other.files.map(\.digest))
            let shared = files.filter { known.contains($0.digest) }.reduce(0) { $0 + $1.bytes }
            guard shared * 2 < total else { throw .registered(name: name, other: other.name) }
        }
        let digest = secret.digest(ofFiles: digests).description
        var entry =
            dataSets.first { $0.id == id.description }
            ?? Entry(id: id.description, name: name, licence: nil, mode: mode, files: [], contents: [])
        if let licence { entry.licence = licence }
        entry.mode = mode
        entry.files = files
        if entry.contents.last?.digest != digest {
            entry.contents.append(Contents(digest: digest, files: files.count, bytes: total, since: now))
            entry.contents = Array(entry.contents.suffix(DataSetRegister.contentsMaximum))
        }
        dataSets.removeAll { $0.id == entry.id }
        dataSets.append(entry)
        dataSets.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return id
    }

    // MARK: On disk

    static func path(in directory: String) -> String { directory + "/datasets.json" }

    private static let fileBytesMaximum = 64 << 20

    /// - Throws: `ModelError.file` where it is damaged.
    static func load(from directory: String) throws -> DataSetRegister {
        let path = path(in: directory)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try System.File.contents(of: path, limitBytes: fileBytesMaximum)
        } catch {
            if error.isMissing { return DataSetRegister() }
            throw ModelError.file(path: path, reason: error.reason)
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(DataSetRegister.self, from: Data(bytes))
        } catch {
            throw ModelError.file(
                path: path,
                reason:
                    "is not a register of data sets. Ids follow from the names, so the file can be removed: it is made anew"
            )
        }
    }

    func store(in directory: String) throws {
        let bytes = try Output.json(self) + [0x0A]
        let path = DataSetRegister.path(in: directory)
        try DiskSpace.waiting { () throws(FileError) in try System.File.write(bytes, to: path, temporaryName: .fixed) }
    }
}

/// Why a data set cannot be used under a name.
enum DataSetError: Error, Equatable, CustomStringConvertible {
    case registered(name: String, other: String)

    var description: String {
        switch self {
        case .registered(let name, let other):
            "--dataset-name \(name): at least half of this text is registered as data set \(other) of this site; give "
                + "--dataset-name \(other), so that what the members decided about it still holds"
        }
    }
}
