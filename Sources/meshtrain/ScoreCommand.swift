import ArgumentParser
import Control
import EventLoop
import Model

/// What a site makes of others' contributions, by its own text.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Judges contributions by this site's own held-out text, for a review.",
        discussion: """
            Shows, for each contribution under review, how it would change the loss on this site's text if it were taken in \
            alone and at full weight, how similar it is to this site's own and to the others, and what its author did before. \
            Nothing of it leaves this process. `meshctl review veto` or `approve` says what follows from it.
            """)

    @Option(help: "The daemon's operator or auditor socket.") var socket: String
    @Option(help: "Directory with the config.json of the network's model.") var model: String
    @Option(help: "Directory of UTF-8 text; the files that training holds out are measured.") var data: String
    @Option(help: "The first digits of one contribution's digest; all where not given.") var contribution: String?
    @Option(help: "Score what the version of this height lists, in place of what is under review.") var height: Int64?
    @Option(help: "Bytes of held-out text to measure.") var bytes = 65_536
    @Flag(help: "Print one line of JSON.") var json = false

    private struct Report: Encodable {
        let site: String
        let bytes: Int
        let baseLosses: [String: Double]
        let scores: [ContributionScore]
    }

    func validate() throws {
        guard bytes > 0 else { throw ValidationError("--bytes must be positive.") }
        guard (height ?? 1) >= 1 else { throw ValidationError("--height must be 1 or more.") }
    }

    func run() throws {
        try TrainerExit.reporting {
            do {
                try score()
            } catch LoopError.pathTooLong(let path, let limit) {
                throw ValidationError("--socket: \(LoopError.pathTooLong(path: path, limitBytes: limit))")
            }
        }
    }

    private func score() throws {
        let layout = ModelLayout(try ModelDirectory.readConfiguration(model))
        let dataSet = try DataSet(directory: data)
        dataSet.describe()
        let heldOut = try dataSet.heldOutLoss(layout.configuration, byteLimit: bytes)
        let daemon = try DaemonConnection(path: socket)
        let site = try daemon.call(StatusRequest()).site.text
        let found = try contributions(daemon)
        guard found.contains(where: isChosen) || contribution == nil else {
            Output.note("error: \(nothing)")
            throw ExitCode.failure
        }
        // All of them are fetched: each is compared with the others.
        let scored = try ContributionScores(layout: layout, heldOut: heldOut, daemon: daemon).score(
            found, listedAt: height, site: site)
        let chosen = scored.scores.filter { $0.contribution.hasPrefix(contribution ?? "") }
        guard !chosen.isEmpty || found.isEmpty else {
            Output.note("error: nothing could be judged")
            throw ExitCode.failure
        }
        if json {
            let report = Report(
                site: site, bytes: bytes,
                baseLosses: Dictionary(
                    uniqueKeysWithValues: scored.baseLosses.map { ("\($0.key)", $0.value) }), scores: chosen)
            return Output.line(String(decoding: try Output.json(report), as: UTF8.self))
        }
        guard !chosen.isEmpty else { return Output.line(nothing) }
        for (height, loss) in scored.baseLosses.sorted(by: { $0.key < $1.key }) {
            Output.line("held-out loss of \(site)'s text on version \(height): \(Output.fixed(loss, 4)) nats per byte")
        }
        Output.line(ScoreCommand.table(chosen))
    }

    private func isChosen(_ found: ScoredContribution) -> Bool {
        found.contribution.text.hasPrefix(contribution ?? "")
    }

    private var nothing: String {
        let what = contribution.map { "No contribution that begins with \($0)" } ?? "No contribution"
        return what + (height.map { " is listed in version \($0)." } ?? " is under review.")
    }

    private func contributions(_ daemon: DaemonConnection) throws -> [ScoredContribution] {
        if let height {
            return try daemon.call(ContributionsRequest(height: height)).contributions.filter(\.isListed).map {
                ScoredContribution(
                    author: $0.author.text, contribution: $0.contribution, baseHeight: $0.baseHeight)
            }
        }
        var slots: [ReviewedSlot] = []
        while true {
            let page = try daemon.call(ReviewsRequest(count: 100, skip: Int64(slots.count)))
            slots += page.slots
            guard !page.slots.isEmpty, Int64(slots.count) < page.total else { break }
        }
        // Pages are of different moments: one slot can stand on two of them.
        var seen: Set<DigestText> = []
        return slots.filter { seen.insert($0.contribution).inserted }.map {
            ScoredContribution(author: $0.author.text, contribution: $0.contribution, baseHeight: $0.baseHeight)
        }
    }

    static func table(_ scores: [ContributionScore]) -> String {
        func signed(_ value: Double?, _ digits: Int) -> String {
            guard let value else { return "-" }
            return (value > 0 ? "+" : "") + Output.fixed(value, digits)
        }
        var rows = [["author", "contribution", "loss change", "like own", "like others", "listed", "with the steps"]]
        for score in scores {
            rows.append([
                score.author, String(score.contribution.prefix(12)), signed(score.lossChange, 4),
                signed(score.ownCosine, 2), signed(score.othersCosine, 2),
                "\(score.history.listed) of \(score.history.versions)", signed(score.history.stepCosine, 2),
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return column < 2 ? cell.0 + padding : padding + cell.0
            }.joined(separator: "  ")
        }
        return lines.joined(separator: "\n")
            + "\n\nloss change: in nats per byte of this site's text, if it were taken in alone and at full weight; above 0 it "
            + "does harm here.\nlike own, like others: cosine with this site's contribution, and with the sum of the others.\n"
            + "listed: in how many of the last versions; with the steps: mean cosine with the step made."
    }
}
