import Crypto
import EventLoop
import Gossip
import Ledger
import TOMLKit

extension Configuration {
    /// A configuration file is some dozen lines; nothing longer is read.
    public static let fileBytesMaximum = 1 << 20

    private static let sections = ["mesh", "site", "sockets", "timing", "workers"]

    /// Reads the file at `path`. Relative paths in it are relative to its folder.
    ///
    /// - Throws: `SiteFileError` or `ConfigurationError`.
    public static func load(path: String) throws -> Configuration {
        try Configuration(text: TextFile.read(path, limitBytes: fileBytesMaximum), file: path)
    }

    /// - Parameters:
    ///   - text: normalized, as `TextFile` gives it.
    ///   - file: the name that errors carry; its folder is what relative paths start from.
    public init(text: String, file: String) throws(ConfigurationError) {
        let document = try TOMLDocument(text, file: file)
        let (root, lines) = (document.root, document.lines)
        for section in root.keys.sorted() where !Configuration.sections.contains(section) {
            throw ConfigurationError(
                file: file, line: lines[section], key: "[\(section)]",
                expected: "one of \(Configuration.sections.map { "[\($0)]" }.joined(separator: ", "))",
                found: "an unknown section or key")
        }
        let folder = Configuration.folder(of: file)
        var reader = try ConfigurationReader(file: file, root: root, section: "mesh", lines: lines)
        mesh = try Mesh(&reader, folder: folder)
        reader = try ConfigurationReader(file: file, root: root, section: "site", lines: lines)
        site = try Site(&reader, folder: folder)
        reader = try ConfigurationReader(file: file, root: root, section: "sockets", lines: lines)
        sockets = try Sockets(&reader, folder: folder)
        reader = try ConfigurationReader(file: file, root: root, section: "timing", lines: lines)
        timing = try Timing(&reader)
        reader = try ConfigurationReader(file: file, root: root, section: "workers", lines: lines)
        workerCount = try reader.integer("count", in: 1...1024) ?? 2
        try reader.finish()
    }

    private static func folder(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "" }
        return String(file[...slash])
    }

    fileprivate static func resolve(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : folder + path
    }

    fileprivate static func isAddress(_ text: String) -> Bool {
        text.utf8.count <= Limits.addressBytes && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            && SocketAddress.split(text) != nil
    }
}

extension Configuration.Mesh {
    fileprivate init(_ reader: inout ConfigurationReader, folder: String) throws(ConfigurationError) {
        genesis = Configuration.resolve(
            try reader.string("genesis", expected: "the path of the genesis file"), in: folder)
        model = try reader.optionalString("model", expected: "the path of version 0: a model directory or file")
            .map { Configuration.resolve($0, in: folder) }
        let numeric = "numeric address:port, such as 0.0.0.0:7700"
        listen =
            try reader.strings(
                "listen", expected: numeric,
                isValid: { (try? SocketAddress(parsing: $0)) != nil }) ?? []
        announce = try reader.strings("announce", expected: "host:port", isValid: Configuration.isAddress) ?? []
        guard announce.count <= Limits.addresses else {
            throw reader.error("announce", "at most \(Limits.addresses) addresses", text: "\(announce.count)")
        }
        peers = try reader.strings("peers", expected: "host:port", isValid: Configuration.isAddress) ?? []
        let digestWords = "a version digest: 64 hexadecimal digits"
        if let text = try reader.optionalString("expect", expected: digestWords) {
            guard let digest = Digest(hex: text) else { throw reader.error("expect", digestWords, text: text) }
            expected = VersionDigest(digest)
        }
        if let height = try reader.integer("expect_height", in: 0...Int(Limits.heightMaximum)) {
            expectedHeight = Height(UInt64(height))
        }
        try reader.finish()
    }
}

extension Configuration.Site {
    fileprivate init(_ reader: inout ConfigurationReader, folder: String) throws(ConfigurationError) {
        let nameWords = "a site's name: 1 to 32 of a-z, 0-9 and -"
        name = try reader.optionalString("name", expected: nameWords)
        if let name, !Member.isValidName(name) { throw reader.error("name", nameWords, text: name) }
        stateDirectory = Configuration.resolve(
            try reader.string("state", expected: "the path of the state directory"), in: folder)
        nodeKey = Configuration.resolve(
            try reader.string("node_key", expected: "the path of the node key file"), in: folder)
        linkKey = Configuration.resolve(
            try reader.string("link_key", expected: "the path of the link key file"), in: folder)
        passphraseFile = try reader.optionalString("passphrase_file", expected: "the path of a file")
            .map { Configuration.resolve($0, in: folder) }
        card = try reader.optionalString("card", expected: "the path of the site's card")
            .map { Configuration.resolve($0, in: folder) }
        try reader.finish()
    }
}

extension Configuration.Sockets {
    fileprivate init(_ reader: inout ConfigurationReader, folder: String) throws(ConfigurationError) {
        let directory = Configuration.resolve(
            try reader.optionalString("directory", expected: "the path of the directory of the sockets") ?? "",
            in: folder)
        /// - Parameter isOptional: whether there is a socket only where one of its keys is set.
        func socket(
            _ name: String, isOptional: Bool = false
        ) throws(ConfigurationError) -> Configuration.Socket? {
            let pathWords = "the path of a socket, at most 107 bytes"
            let given = try reader.optionalString(name, expected: pathWords)
            let mode = try reader.optionalString(name + "_mode", expected: "0600 or 0660")
            let group = try reader.optionalString(name + "_group", expected: "the name of a group")
            if isOptional, given == nil, mode == nil, group == nil { return nil }
            if let mode, mode != "0600", mode != "0660" {
                throw reader.error(name + "_mode", "0600 or 0660, in quotes", text: mode)
            }
            guard group == nil || mode != "0600" else {
                throw reader.error(name + "_mode", "0660, or no \(name)_group", text: "0600")
            }
            let prefix = directory.isEmpty || directory.hasSuffix("/") ? directory : directory + "/"
            let path = Configuration.resolve(given ?? name + ".sock", in: prefix)
            guard path.utf8.count <= 107 else { throw reader.error(name, pathWords, text: path) }
            return Configuration.Socket(path: path, isForGroup: group != nil || mode == "0660", group: group)
        }
        guard let trainer = try socket("trainer"), let `operator` = try socket("operator") else {
            preconditionFailure("these two are not optional")
        }
        (self.trainer, self.operator) = (trainer, `operator`)
        auditor = try socket("auditor", isOptional: true)
        for (name, path) in [("operator", `operator`.path), ("auditor", auditor?.path)] {
            guard path != trainer.path, name == "operator" || path != `operator`.path else {
                throw reader.error(name, "a path of its own", text: path ?? "")
            }
        }
        try reader.finish()
    }
}

extension Timing {
    fileprivate init(_ reader: inout ConfigurationReader) throws(ConfigurationError) {
        self.init()
        /// A week.
        let longest = 604_800_000
        func set(_ field: inout UInt64, _ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) {
            if let value = try reader.integer(key, in: range) { field = UInt64(value) }
        }
        try set(&roundDeadline, "round_deadline_milliseconds", in: 1...longest)
        try set(&gracePercent, "grace_percent", in: 0...1000)
        try set(&graceMinimum, "grace_minimum_milliseconds", in: 0...longest)
        try set(&viewInitial, "view_initial_milliseconds", in: 1...longest)
        try set(&viewMaximum, "view_maximum_milliseconds", in: 1...longest)
        try set(&antiEntropyInterval, "anti_entropy_interval_milliseconds", in: 1...longest)
        try set(&pieceTimeout, "piece_timeout_milliseconds", in: 1...longest)
        try reader.finish()
    }
}
