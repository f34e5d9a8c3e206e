import ArgumentParser
import Control
import Ledger

struct VersionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "versions", abstract: "Certified versions, the newest first: who contributed, who signed.")

    @OptionGroup var page: PageOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(VersionsRequest(count: page.count, from: page.from))
        try output.print(response) {
            var table = Table([">version", "digest", ">took", "contributors", "signers"])
            for version in response.versions {
                table.append(
                    "\(version.height)", Words.short(version.version.text),
                    version.milliseconds.map { Words.duration(milliseconds: $0) } ?? "-",
                    version.contributors.map(\.text).joined(separator: " "),
                    version.signers.map(\.text).joined(separator: " "))
            }
            return table.rendered()
        }
    }
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "One certified version in full.")

    @Argument(help: "Its height.")
    var height: Int64

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try VersionCommand.check(height) }

    static func check(_ height: Int64) throws {
        guard (0...Int64(Limits.heightMaximum)).contains(height) else {
            throw ValidationError("A height is a whole number from 0 to \(Limits.heightMaximum).")
        }
    }

    func run() throws {
        let version = try daemon.connect().ask(VersionRequest(height: height))
        try output.print(version) {
            var head = Table()
            head.append("version", "\(version.summary.height)")
            head.append("digest", version.summary.version.text)
            head.append("parent", version.parent.text)
            head.append("parameters", version.summary.parametersRoot.text)
            head.append("outer state", version.outerStateRoot.text)
            head.append("member set", version.memberSet.text)
            head.append("rules", version.rules.text)
            head.append("support", version.support.text)
            if let action = version.action { head.append("action", action.rawValue) }
            head.append("decided in", "view \(version.view)")
            if let milliseconds = version.summary.milliseconds {
                head.append("took", Words.duration(milliseconds: milliseconds))
            }
            head.append("signed by", version.summary.signers.map(\.text).joined(separator: " "))
            guard !version.contributions.isEmpty else { return head.rendered() + "\n\nNo contributions." }
            return head.rendered() + "\n\n" + ContributionTable.rendered(version.contributions)
        }
    }
}
