import Foundation
import Testing

/// Each program as a process of its own: what it does with the arguments that the system hands over.
@Suite struct ArgumentTests {
    static let programs = ["meshnode", "meshctl", "meshtrain", "meshsim", "netrelay", "Bench"]
    /// Commands that only group others.
    static let groups = [
        ["meshctl"], ["meshctl", "genesis"], ["meshctl", "propose"], ["meshctl", "propose", "revert"],
        ["meshctl", "proposal"], ["meshctl", "review"], ["meshctl", "ledger"], ["meshtrain"], ["meshsim"], ["netrelay"],
        ["Bench"],
    ]

    /// The products of a build lie side by side: the test bundle and the programs.
    private static func path(of program: String) -> String {
        Bundle.main.bundleURL.appending(path: program).path
    }

    private func run(_ executable: String, _ arguments: [String]) throws -> (status: Int32, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let errors = FileManager.default.temporaryDirectory.appending(path: "err-\(UUID().uuidString)")
        try Data().write(to: errors)
        defer { try? FileManager.default.removeItem(at: errors) }
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
    }

    @Test func whatAnErrorQuotesIsEscaped() throws {
        let name = "a\u{1b}]0;title\u{07}b\u{202e}c"
        let result = try run(Self.path(of: "meshctl"), ["verify", "--genesis", name, "--ledger", "x"])
        #expect(result.status != 0)
        #expect(result.errors.contains("a\\u{1b}]0;title\\u{7}b\\u{202e}c"))
        #expect(!result.errors.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202e}" })
    }

    /// In a mount namespace of its own, in which `/proc` is not mounted.
    private func runWithoutProc(_ program: String, _ arguments: [String]) throws -> (status: Int32, errors: String) {
        let words = [Self.path(of: program)] + arguments
        return try run(
            "/usr/bin/env",
            ["unshare", "-m", "sh", "-c", "umount -l /proc && [ ! -e /proc/self ] && exec \"$@\"", "sh"] + words)
    }

    @Test(arguments: groups)
    func verbMissing_endsWithUsageErrorAndSaysSo(words: [String]) throws {
        let result = try run(Self.path(of: words[0]), Array(words.dropFirst()))
        #expect(result.status == 64)
        #expect(result.errors.contains("a verb is missing"), "\(result.errors)")
    }

    @Test(arguments: [["meshnode"], ["meshctl", "verify"], ["meshctl", "fork"], ["meshtrain", "run"]])
    func neededOptionMissing_endsWithUsageError(words: [String]) throws {
        #expect(try run(Self.path(of: words[0]), Array(words.dropFirst())).status == 64)
    }

    @Test(arguments: programs)
    func helpIsAskedFor_endsWell(program: String) throws {
        #expect(try run(Self.path(of: program), ["--help"]).status == 0)
    }

    @Test(.enabled(if: getuid() == 0, "a mount namespace needs root"), arguments: programs)
    func procIsNotMounted_argumentsAreReadAllTheSame(program: String) throws {
        let needed = program == "meshnode" ? ["--config", "/no/such.toml"] : []
        let result = try runWithoutProc(program, needed + ["--no-such-option-of-ours"])
        #expect(result.status == 64)
        #expect(result.errors.contains("no-such-option-of-ours"), "\(result.errors)")
    }

    @Test(.enabled(if: getuid() == 0, "a mount namespace needs root"))
    func procIsNotMounted_verifyNamesTheFileThatIsMissing() throws {
        let result = try runWithoutProc(
            "meshctl", ["verify", "--genesis", "/no/such.genesis", "--ledger", "/no/such.ledger"])
        #expect(result.status == 1)
        #expect(result.errors.contains("/no/such.genesis"), "\(result.errors)")
    }
}
