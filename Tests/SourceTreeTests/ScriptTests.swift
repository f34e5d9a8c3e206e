import Foundation
import TestKit
import Testing

/// The shell scripts do the same under every locale and search path of the caller.
struct ScriptTests {
    /// Bash scripts that are run, by path.
    private static func scripts() throws -> [SourceFile] {
        try ["Deploy", "Scripts", "Fuzz"].flatMap { folder in
            let base = SourceTree.root.appending(path: folder)
            let enumerator = try #require(
                FileManager.default.enumerator(at: base, includingPropertiesForKeys: [.isRegularFileKey]))
            return enumerator.compactMap { item -> SourceFile? in
                guard let url = item as? URL, url.pathExtension.isEmpty,
                    let text = try? String(contentsOf: url, encoding: .utf8), text.hasPrefix("#!/bin/bash")
                else { return nil }
                return SourceFile(path: String(url.path.dropFirst(SourceTree.root.path.count + 1)), text: text)
            }
        }
    }

    private static func bash(
        _ script: String, _ environment: [String: String], in folder: URL
    ) throws -> Command.Result {
        let environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return try Command("/bin/bash", in: folder.path, environment: environment).run(["-c", "exec 2>&1\n" + script])
    }

    @Test("Every script fixes the C locale, and changes folder without CDPATH")
    func fixesEnvironment() throws {
        let scripts = try Self.scripts()
        #expect(scripts.count >= 10)
        for script in scripts {
            let fixesLocale = script.lines.contains {
                $0.hasPrefix("source ") && $0.contains("lib.sh") || $0 == "export LC_ALL=C.UTF-8"
            }
            #expect(fixesLocale, "\(script.path) neither sources Deploy/lib.sh nor sets LC_ALL")
            let bare = script.places { $0.hasPrefix("cd \"$(dirname") || $0.hasPrefix("cd $(dirname") }
            #expect(bare.isEmpty, "CDPATH would lead elsewhere: \(bare)")
        }
        let shared = try SourceTree.text("Deploy/lib.sh")
        #expect(shared.contains("\nexport LC_ALL=C.UTF-8\n") && shared.contains("\nunset LANGUAGE CDPATH\n"))
    }

    @Test(
        "A script that is named relatively stays in its own repository whatever CDPATH says",
        arguments: [
            "quickstart", "test",
        ])
    func ignoresSearchPath(script: String) throws {
        let decoy = URL(filePath: "/tmp/mesh-decoy-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(
            at: decoy.appending(path: "Deploy"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: decoy) }
        let outcome = try Self.bash(
            "bash Deploy/\(script) --help", ["CDPATH": decoy.path], in: SourceTree.root)
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(outcome.output.contains("Deploy/\(script)"))
    }

    @Test("The report has decimal points under a locale with decimal commas")
    func reportsUnderCommaLocale() throws {
        let folder = URL(filePath: "/tmp/mesh-locale-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The locale is made here where the machine does not have it; without the sources of locales there is none.
        let made = try Self.bash(
            "localedef -i de_DE -f UTF-8 '\(folder.path)/de_DE.UTF-8'", [:], in: folder)
        var environment = ["LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"]
        if FileManager.default.fileExists(atPath: folder.appending(path: "de_DE.UTF-8").path) {
            environment["LOCPATH"] = folder.path
        }
        let comma = try Self.bash("awk 'BEGIN {printf \"%.1f\", 1.5}'", environment, in: folder)
        guard comma.output == "1,5" else {
            print("no locale with decimal commas here: \(made.output)")
            return
        }
        try """
        [{"name": "de", "height": 7, "head": "0123456789abcdef0", "bytes_sent": 1500000, "resident_bytes_max": 1572864}]
        """.write(to: folder.appending(path: "sites.json"), atomically: true, encoding: .utf8)
        let outcome = try Self.bash(
            """
            set -euo pipefail
            source Deploy/lib.sh
            source Deploy/report.sh
            report_sites '\(folder.path)/sites.json'
            report_text de '\(folder.path)'
            """, environment, in: SourceTree.root)
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(outcome.output.contains("  de                 7  0123456789abcdef      1.5         1.5"))
        #expect(outcome.output.matches(of: /\d,\d/).isEmpty, "\(outcome.output)")
    }
}
