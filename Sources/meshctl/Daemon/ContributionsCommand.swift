import ArgumentParser
import Control

struct ContributionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contributions", abstract: "What this site holds for a height, listed in its version or not.")

    @Argument(help: "The height.")
    var height: Int64

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try VersionCommand.check(height) }

    func run() throws {
        let response = try daemon.connect().ask(ContributionsRequest(height: height))
        try output.print(response) {
            response.contributions.isEmpty
                ? "Nothing is here for version \(height)." : ContributionTable.rendered(response.contributions)
        }
    }
}

enum ContributionTable {
    static func rendered(_ contributions: [ContributionSummary], _ terminal: Terminal = .standard) -> String {
        var table = Table([
            "author", ">base", ">size", ">steps", ">tokens", ">loss", ">weight", ">clip", ">step", "nearest",
            "farthest", "listed", "contribution", "data sets",
        ])
        for contribution in contributions {
            let figures = contribution.figures
            let weight = figures?.sharedWeightMillionths ?? contribution.weightMillionths
            table.append([
                .init(contribution.author.text), .init("\(contribution.baseHeight)"),
                .init(Words.bytes(contribution.bytes)), .init(Words.grouped(contribution.steps)),
                .init(Words.grouped(contribution.tokens)), .init(Words.loss(contribution.loss)),
                .init(weight.map { Words.decimal(Double($0) / 10_000, 1) + " %" } ?? "-"),
                .init(figures.map { Words.decimal(Double($0.clipFactorMillionths) / 1e6, 2) } ?? "-"),
                .init(figures?.stepCosineMillionths.map(cosine) ?? "-"),
                neighbour(figures?.nearest), neighbour(figures?.farthest),
                contribution.isReverted == true
                    ? .init("reverted", .warning) : contribution.isListed ? .init("yes", .good) : .init("no", .quiet),
                .init(Words.short(contribution.contribution.text)),
                .init(dataSets(contribution.dataSets)),
            ])
        }
        var text = table.rendered(terminal)
        if contributions.contains(where: { $0.isListed && $0.figures == nil }) {
            text += """


                Clip factors, cosines and what near copies shared of their weights are not known here: this site did not
                average this version. The weights are those of the version record.
                """
        }
        return text
    }

    /// So many ids are shown of a contribution.
    private static let dataSetsShown = 3

    private static func dataSets(_ ids: [DigestText]) -> String {
        let shown = ids.prefix(dataSetsShown).map { Words.short($0.text) }.joined(separator: " ")
        return ids.count > dataSetsShown ? "\(shown) and \(ids.count - dataSetsShown) more" : ids.isEmpty ? "-" : shown
    }

    private static func cosine(_ millionths: Int64) -> String { Words.decimal(Double(millionths) / 1e6, 2) }

    /// A near copy shares its weight, what points against another may undo it.
    private static func neighbour(_ other: ContributionCosine?) -> Table.Cell {
        guard let other else { return .init("-") }
        let isMarked = other.cosineMillionths > 900_000 || other.cosineMillionths < -500_000
        return .init("\(cosine(other.cosineMillionths)) \(other.author.text)", isMarked ? .warning : nil)
    }
}
