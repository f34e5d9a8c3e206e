import ArgumentParser
import Control
import Foundation
import Ledger
import System

struct EvidenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Proofs that members broke the protocol: list, export, check.",
        subcommands: [EvidenceListCommand.self, EvidenceCheckCommand.self],
        defaultSubcommand: EvidenceListCommand.self)
}

struct EvidenceListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The proofs that this site holds, the newest first, or all of them as a file.",
        discussion: """
            Each is two statements that one member signed and no honest member signs both of. With --export all of them \
            are written to one file, which anybody can check with: meshctl evidence check
            """)

    @Option(help: ArgumentHelp("At most so many.", valueName: "1-100"))
    var count: Int64 = 20

    @Option(help: ArgumentHelp("The highest number wanted (default: the newest).", valueName: "number"))
    var from: Int64?

    @Option(help: ArgumentHelp("Write all of them to this file.", valueName: "file"))
    var export: String?

    @Flag(help: "Replace an existing file.")
    var force = false

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100).contains(count) else { throw ValidationError("--count must be from 1 to 100.") }
        guard from.map({ $0 >= 0 }) ?? true else { throw ValidationError("--from must not be negative.") }
    }

    func run() throws {
        if let export { return try write(to: export) }
        let response = try daemon.connect().ask(EvidenceRequest(count: count, from: from))
        try output.print(response) { EvidenceListCommand.text(response.evidence) }
    }

    static func text(_ evidence: [EvidenceSummary]) -> String {
        guard !evidence.isEmpty else { return "No member is known to have broken the protocol." }
        var table = Table([">number", "site", "kind", ">height", ">view", "held since", "what"])
        for proof in evidence {
            table.append([
                .init("\(proof.number)"), .init(proof.site.text, .bad), .init(proof.kind.rawValue),
                .init("\(proof.height)"), .init(proof.view.map { "\($0)" } ?? "-"),
                .init(Date(timeIntervalSince1970: Double(proof.heldAt)).ISO8601Format()), .init(proof.description),
            ])
        }
        return table.rendered()
    }

    private func write(to path: String) throws {
        guard force || !File.exists(path) else {
            throw Failure("\(path) exists already", advice: "Choose another name, or give --force.")
        }
        let connection = try daemon.connect()
        let export = try connection.ask(EvidenceExportBegin())
        guard (0...Int64(EvidenceFile.fileBytesMaximum)).contains(export.bytes) else {
            throw Failure("the daemon wants to send \(export.bytes) bytes of evidence, more than can be")
        }
        var bytes: [UInt8] = []
        try connection.receive(
            transfer: export.transfer, kind: .evidence, byteCount: export.bytes,
            isNext: { $0.tensorIndex == 0 && $0.offset == UInt64(bytes.count) },
            take: { bytes += $0.bytes })
        _ = try EvidenceFile.decode(bytes, from: "the daemon's answer")
        try OutputFile.write(bytes, to: path, isReplacing: force)
        try output.print(export) {
            """
            Wrote \(path): \(Words.count(Int(export.proofs), "proof", "proofs"))\
            \(export.certificates == 0 ? "" : ", \(export.certificates) contradicting certificates")
            Check it anywhere with: meshctl evidence check \(path) --genesis FILE --ledger FILE
            """
        }
    }
}

extension EvidenceFile {
    static func decode(_ bytes: [UInt8], from source: String) throws -> EvidenceFile {
        do throws(RecordError) {
            return try EvidenceFile(encoded: bytes)
        } catch {
            throw Failure("\(source) is not a file of evidence: \(error)")
        }
    }
}
