import ArgumentParser
import Control
import Crypto
import Ledger

struct ReviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "review", abstract: "Veto or approve contributions that are not in a version yet.",
        discussion: """
            What a review decides the rules say: open, nothing; veto-window, max(2, f+1) vetoes keep a contribution out; \
            approve, a contribution waits for its approvals. A word that a version embeds counts for ever.
            """,
        subcommands: [
            ReviewListCommand.self, ReviewShowCommand.self, ReviewApproveCommand.self, ReviewVetoCommand.self,
        ])
}

struct ReviewListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Contributions that a quorum holds, and what was said about each.")

    @Option(help: ArgumentHelp("At most so many.", valueName: "1-100"))
    var count: Int64 = 100

    @Option(help: ArgumentHelp("Leave out the first so many.", valueName: "count"))
    var skip: Int64 = 0

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100).contains(count) else { throw ValidationError("--count must be from 1 to 100.") }
        guard (0...1_000_000).contains(skip) else { throw ValidationError("--skip must not be negative.") }
    }

    func run() throws {
        let reviews = try daemon.connect().ask(ReviewsRequest(count: count, skip: skip))
        try output.print(reviews) { ReviewWords.text(reviews, .standard) }
    }
}

struct ReviewShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One contribution under review.")

    @Argument(help: "The first digits of the contribution's digest.")
    var contribution: String

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let (slot, reviews) = try ReviewTarget.find(contribution, daemon.connect())
        try output.print(slot) { ReviewWords.text(slot, reviews) }
    }
}

struct ReviewApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Sign that a contribution may stand in a version.")

    @Argument(help: "The first digits of the contribution's digest.")
    var contribution: String

    @OptionGroup var options: ReviewOptions

    func run() throws { try options.say(.approve, contribution) }
}

struct ReviewVetoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "veto", abstract: "Sign that a contribution is to be kept out.")

    @Argument(help: "The first digits of the contribution's digest.")
    var contribution: String

    @OptionGroup var options: ReviewOptions

    func run() throws { try options.say(.veto, contribution) }
}

struct ReviewOptions: ParsableArguments {
    @OptionGroup var operatorKey: OperatorKeyOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    /// Signs and hands over the operator's word.
    func say(_ verdict: ReviewVerdict, _ digits: String) throws {
        let connection = try daemon.connect()
        let (slot, reviews) = try ReviewTarget.find(digits, connection)
        let governance = try GovernanceClient(connection)
        let signer = try operatorKey.signer(in: governance.members, areFromDaemon: true)
        let statement = ReviewStatement(
            verdict: verdict,
            slot: Slot(
                author: MemberID(try GovernanceClient.digest(slot.member)),
                base: VersionDigest(try GovernanceClient.digest(slot.base))),
            contribution: ContributionDigest(try GovernanceClient.digest(slot.contribution)))
        let review = SignedReview(
            statement: statement, signature: signer.signature(over: statement, network: governance.network))
        _ = try connection.ask(ReviewSubmit(review: GovernanceClient.text(of: review)))
        let (after, _) = try ReviewTarget.find(slot.contribution.text, connection)
        try output.print(after) {
            var text = "\(signer.member.name) \(verdict == .veto ? "vetoes" : "approves of") this contribution.\n\n"
            if reviews.mode == .open {
                text += "The rules say review = open: this is recorded and decides nothing.\n\n"
            }
            return text + ReviewWords.text(after, reviews)
        }
    }
}

enum ReviewTarget {
    static func find(_ digits: String, _ connection: DaemonConnection) throws -> (ReviewedSlot, ReviewsResponse) {
        var slots: [ReviewedSlot] = []
        var page = try connection.ask(ReviewsRequest(count: 100))
        var seen: Int64 = 0
        while true {
            slots += page.slots
            seen += Int64(page.slots.count)
            guard seen < page.total, !page.slots.isEmpty else { break }
            page = try connection.ask(ReviewsRequest(count: 100, skip: seen))
        }
        let digest = try DigestResolver.resolve(
            digits, among: slots.map { .init($0.contribution, "of \($0.author)") }, what: "contribution under review",
            place: "meshctl review list")
        guard let slot = slots.first(where: { $0.contribution == digest }) else {
            preconditionFailure("the digest is one of theirs")
        }
        return (slot, page)
    }
}

enum ReviewWords {
    static func text(_ reviews: ReviewsResponse, _ terminal: Terminal) -> String {
        let head = "review = \(reviews.mode.rawValue): \(mode(reviews))"
        guard !reviews.slots.isEmpty else {
            return head + "\n\n"
                + (reviews.total > 0 ? "All \(reviews.total) are left out." : "Nothing is under review.")
        }
        var table = Table(["contribution", "author", ">base", ">tokens", ">loss", "vetoes", "approvals", "blocked"])
        for slot in reviews.slots {
            table.append([
                .init(Words.short(slot.contribution.text)), .init(slot.author.text), .init("\(slot.baseHeight)"),
                .init(Words.grouped(slot.tokens)), .init(Words.loss(slot.loss)), .init(vetoes(slot, reviews)),
                .init(approvals(slot, reviews)), slot.isBlockedByReview ? .init("yes", .warning) : .init("no", .quiet),
            ])
        }
        let rest = reviews.total - Int64(reviews.slots.count)
        return head + "\n\n" + table.rendered(terminal) + (rest > 0 ? "\n\nand \(rest) more" : "")
    }

    static func text(_ slot: ReviewedSlot, _ reviews: ReviewsResponse) -> String {
        var table = Table()
        table.append("contribution", slot.contribution.text)
        table.append("author", slot.author.text)
        table.append("base", "\(slot.baseHeight)  \(Words.short(slot.base.text))")
        table.append("tokens", Words.grouped(slot.tokens))
        table.append("loss", Words.loss(slot.loss))
        for (index, dataSet) in slot.dataSets.enumerated() {
            table.append(index == 0 ? "data sets" : "", dataSet.text)
        }
        table.append("vetoes", names(slot.vetoes) + " (\(vetoes(slot, reviews)))")
        table.append("approvals", names(slot.approvals) + " (\(approvals(slot, reviews)))")
        table.append("blocked by review", slot.isBlockedByReview ? "yes" : "no")
        return table.rendered()
    }

    private static func mode(_ reviews: ReviewsResponse) -> String {
        switch reviews.mode {
        case .open: "contributions are listed without review"
        case .vetoWindow:
            "\(reviews.vetoesNeeded) vetoes keep a contribution out; members wait \(reviews.reviewSeconds) s for them"
        case .approve: "a contribution needs \(reviews.approvalsNeeded) approvals of other sites"
        }
    }

    private static func names(_ sites: [SiteName]) -> String {
        sites.isEmpty ? "none" : sites.map(\.text).joined(separator: " ")
    }

    private static func vetoes(_ slot: ReviewedSlot, _ reviews: ReviewsResponse) -> String {
        reviews.mode == .vetoWindow ? "\(slot.vetoes.count) of \(reviews.vetoesNeeded)" : "\(slot.vetoes.count)"
    }

    private static func approvals(_ slot: ReviewedSlot, _ reviews: ReviewsResponse) -> String {
        reviews.mode == .approve ? "\(slot.approvals.count) of \(reviews.approvalsNeeded)" : "\(slot.approvals.count)"
    }
}
