import Foundation
import TestKit
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

    private func run(program: String, _ arguments: [String]) throws -> Command.Result {
        try Command(Command.path(ofProduct: program)).run(arguments)
    }

    @Test func whatAnErrorQuotesIsEscaped() throws {
        let name = "a\u{1b}]0;title\u{07}b\u{202e}c"
        let result = try run(program: "meshctl", ["verify", "--genesis", name, "--ledger", "x"])
        #expect(result.status != 0)
        #expect(result.errors.contains("a\\u{1b}]0;title\\u{7}b\\u{202e}c"))
        #expect(!result.errors.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0 == "\u{202e}" })
    }

    /// In a mount namespace of its own, in which `/proc` is not mounted.
    private func runWithoutProc(_ program: String, _ arguments: [String]) throws -> Command.Result {
        let words = [Command.path(ofProduct: program)] + arguments
        return try Command("/usr/bin/env").run(
            ["unshare", "-m", "sh", "-c", "umount -l /proc && [ ! -e /proc/self ] && exec \"$@\"", "sh"] + words)
    }

    @Test(arguments: groups)
    func verbMissing_endsWithUsageErrorAndSaysSo(words: [String]) throws {
        let result = try run(program: words[0], Array(words.dropFirst()))
        #expect(result.status == 64)
        #expect(result.errors.contains("a verb is missing"), "\(result.errors)")
    }

    @Test(arguments: [["meshnode"], ["meshctl", "verify"], ["meshctl", "fork"], ["meshtrain", "run"]])
    func neededOptionMissing_endsWithUsageError(words: [String]) throws {
        #expect(try run(program: words[0], Array(words.dropFirst())).status == 64)
    }

    @Test(arguments: programs)
    func helpIsAskedFor_endsWell(program: String) throws {
        #expect(try run(program: program, ["--help"]).status == 0)
    }

    @Test(
        .enabled(if: getuid() == 0, "a mount namespace needs root"),
        .disabled(if: Sanitizer.isActive, "a sanitizer does not start without /proc"), arguments: programs)
    func procIsNotMounted_argumentsAreReadAllTheSame(program: String) throws {
        let needed = program == "meshnode" ? ["--config", "/no/such.toml"] : []
        let result = try runWithoutProc(program, needed + ["--no-such-option-of-ours"])
        #expect(result.status == 64)
        #expect(result.errors.contains("no-such-option-of-ours"), "\(result.errors)")
    }

    @Test(
        .enabled(if: getuid() == 0, "a mount namespace needs root"),
        .disabled(if: Sanitizer.isActive, "a sanitizer does not start without /proc"))
    func procIsNotMounted_verifyNamesTheFileThatIsMissing() throws {
        let result = try runWithoutProc(
            "meshctl", ["verify", "--genesis", "/no/such.genesis", "--ledger", "/no/such.ledger"])
        #expect(result.status == 1)
        #expect(result.errors.contains("/no/such.genesis"), "\(result.errors)")
    }
}
