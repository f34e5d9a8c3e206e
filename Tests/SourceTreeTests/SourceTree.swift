import Foundation
import Testing

/// The files of the repository that this test was compiled from.
enum SourceTree {
    /// This file is Tests/SourceTreeTests/SourceTree.swift under the root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The files below `folder` whose names end in one of `extensions`, by path.
    static func files(below folder: String, _ extensions: Set<String>) throws -> [SourceFile] {
        let base = root.appending(path: folder)
        let enumerator = try #require(
            FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles]))
        var files: [SourceFile] = []
        for case let url as URL in enumerator where extensions.contains(url.pathExtension) {
            let text = try String(contentsOf: url, encoding: .utf8)
            files.append(SourceFile(path: String(url.path.dropFirst(root.path.count + 1)), text: text))
        }
        return files.sorted { $0.path < $1.path }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The names of the folders in `folder`.
    static func folders(in folder: String) throws -> Set<String> {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
        return Set(names.filter { isDirectory("\(folder)/\($0)") })
    }

    static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(
            atPath: root.appending(path: path).path, isDirectory: &isDirectory)
        return exists && isDirectory.boolValue
    }
}

/// One text file, line by line.
struct SourceFile: Sendable {
    /// From the repository's root on.
    let path: String
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The target that the file belongs to: the folder below Sources or Tests.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// `path:number: line` for each line that `matches`, for a failure that can be clicked on.
    func places(where matches: (String) -> Bool) -> [String] {
        lines.enumerated().filter { matches($0.element) }
            .map { "\(path):\($0.offset + 1): \($0.element.trimmingCharacters(in: .whitespaces))" }
    }

    /// The module that a line imports, whatever stands before the word (`@testable`, `public`) or behind it (`struct`).
    static func importedModule(_ line: String) -> String? {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let position = words.firstIndex(of: "import"),
            words[..<position].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains($0) })
        else { return nil }
        var names = words[(position + 1)...]
        if let kind = names.first, importKinds.contains(kind) { names = names.dropFirst() }
        return names.first.map { String($0.split(separator: ".")[0].prefix { $0 != ";" }) }
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    private static let importKinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "typealias", "func", "let", "var",
    ]
}
