import ArgumentParser
import Control
import Crypto
import Ledger

struct ProposeRevertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert", abstract: "Take a contribution, or all that name a data set, out of the state.",
        discussion: """
            Every member replays the ledger without it in the background; then the replayed state takes over in a version \
            of its own. History is not rewritten: the ledger keeps both. Later contributions were trained on versions that \
            contained what is taken out; the replay averages them as they are.
            """,
        subcommands: [RevertContributionCommand.self, RevertDataSetCommand.self])
}

struct RevertContributionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contribution", abstract: "Take one contribution back.")

    @Argument(help: "The first digits of its digest: meshctl version HEIGHT shows them.")
    var digest: String

    @Option(help: ArgumentHelp("The version that lists it (default: the daemon looks it up).", valueName: "height"))
    var from: UInt64?

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let digest = try RevertTarget.contribution(digest, options.daemon)
        try RevertTarget.propose(.contribution(ContributionDigest(digest)), from: from, options)
    }
}

struct RevertDataSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data-set", abstract: "Take back every contribution that names a data set.",
        discussion: """
            A data set has one id at its site, which stays the same when its contents change: what is excluded by it stays \
            excluded. Contributions name ids, see meshctl contributions HEIGHT --json; the site that has the data finds the \
            names with: meshtrain datasets --state DIR.
            """)

    @Argument(help: "The first digits of the data set's id: meshctl data-sets shows them.")
    var digest: String

    @Option(
        help: ArgumentHelp(
            "The first version that is to be without it (default: the first in reach that lists any).",
            valueName: "height"))
    var from: UInt64?

    @Flag(help: "Refuse contributions that name it in future too.")
    var bindFuture = false

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let digest = try RevertTarget.dataSet(digest, options.daemon)
        try RevertTarget.propose(.dataSet(digest, bindsFuture: bindFuture), from: from, options)
    }
}

/// What both kinds of revert share.
enum RevertTarget {
    /// The listed contribution whose digest begins with these digits.
    static func contribution(_ digits: String, _ daemon: DaemonOptions) throws -> Digest {
        if let digest = Digest(hex: digits) { return digest }
        let place = "meshctl version HEIGHT"
        let wanted = try DigestResolver.digits(digits, atLeast: 4, what: "contribution", place: place)
        let found = try daemon.connect().ask(ContributionsFind(digits: wanted)).contributions
        return try GovernanceClient.digest(
            DigestResolver.resolve(
                digits, among: found.map { .init($0.contribution, "version \($0.height), of \($0.author)") },
                what: "contribution", place: place))
    }

    /// The data set whose digest begins with these digits, of those that the chain names.
    static func dataSet(_ digits: String, _ daemon: DaemonOptions) throws -> Digest {
        if let digest = Digest(hex: digits) { return digest }
        let place = "meshctl data-sets"
        let wanted = try DigestResolver.digits(digits, atLeast: 4, what: "data set", place: place)
        let found = try daemon.connect().ask(DataSetsRequest(digits: wanted)).dataSets
        return try GovernanceClient.digest(
            DigestResolver.resolve(
                digits, among: found.map { .init($0.dataSet, DataSetsCommand.words($0)) }, what: "data set",
                place: place))
    }

    /// Shows what the revert would cost and touch, and proposes it.
    static func propose(_ exclusion: Exclusion, from: UInt64?, _ options: ProposalOptions) throws {
        if let from {
            guard (1...UInt64(ControlSchema.integerLimit)).contains(from), from <= Limits.heightMaximum else {
                throw Failure("--from \(from) is no version's height")
            }
        }
        let governance = try GovernanceClient(options.daemon.connect(), subject: .history)
        let preview = try governance.connection.ask(request(exclusion, from: from))
        if !options.output.json { print(RevertPreviewText(preview: preview).text(.standard) + "\n") }
        guard preview.excludedCount > 0 else {
            throw Failure("nothing is taken out: no version from \(preview.from) on lists it")
        }
        try options.propose(.revert(exclusion, from: Height(UInt64(clamping: preview.from))), governance)
    }

    private static func request(_ exclusion: Exclusion, from: UInt64?) throws -> RevertPreviewRequest {
        let from = from.map { Int64(clamping: $0) }
        return switch exclusion {
        case .contribution(let digest):
            RevertPreviewRequest(contribution: try GovernanceClient.text(digest.digest), from: from)
        case .dataSet(let digest, _): RevertPreviewRequest(dataSet: try GovernanceClient.text(digest), from: from)
        }
    }
}
