import ArgumentParser
import Control
import Foundation
import Glibc
import Ledger
import System

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what is wrong with this site, and say how to put it right.",
        discussion: "Works with and without a running daemon. Ends with status 1 if anything failed.")

    @OptionGroup var newest: LedgerOption
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var examination = Examination()
        let path = daemon.config ?? DaemonOptions.defaultConfiguration
        if daemon.config != nil || File.exists(path) {
            examination.site(path, socket: daemon.socket, ledger: newest.ledger)
        } else {
            examination.socket(try socketWithoutConfiguration())
        }
        let checks = examination.checks
        try output.print(DoctorResponse(checks: checks)) { DoctorCommand.text(checks) }
        if checks.contains(where: { $0.outcome == .failure }) { throw ExitCode(1) }
    }

    private func socketWithoutConfiguration() throws -> String {
        if let socket = daemon.socket { return socket }
        if let path = getenv("MESH_SOCKET").map({ String(cString: $0) }), !path.isEmpty { return path }
        throw Failure(
            "there is no \(DaemonOptions.defaultConfiguration) here", advice: "Give --config FILE or --socket PATH.")
    }

    /// How often and when, for what is not a state: ` [7 times, last at 2026-11-29T08:15:00Z]`.
    private static func occurrence(_ check: Check) -> String {
        let times = check.count.map { Words.count(Int(clamping: $0), "time", "times") }
        let last = check.lastAt.map { "last at " + Date(timeIntervalSince1970: Double($0)).ISO8601Format() }
        let words = [times, last].compactMap { $0 }
        return words.isEmpty ? "" : " [\(words.joined(separator: ", "))]"
    }

    static func text(_ checks: [Check], _ terminal: Terminal = .standard) -> String {
        var table = Table(["", "checked", "found"])
        for check in checks {
            let mark: Table.Cell =
                switch check.outcome {
                case .pass: .init("ok", .good)
                case .warning: .init("!", .warning)
                case .failure: .init("FAILED", .bad)
                }
            table.append([mark, .init(check.name), .init(check.message + DoctorCommand.occurrence(check))])
        }
        let failures = checks.count { $0.outcome == .failure }
        let warnings = checks.count { $0.outcome == .warning }
        let summary =
            failures + warnings == 0
            ? "Nothing is wrong."
            : "\(Words.count(failures, "failure", "failures")), \(Words.count(warnings, "warning", "warnings"))."
        return table.rendered(terminal) + "\n\n" + summary
    }
}
