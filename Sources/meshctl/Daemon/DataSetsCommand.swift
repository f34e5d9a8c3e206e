import ArgumentParser
import Control

struct DataSetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data-sets", abstract: "The data sets that contributions on the chain name, the newest first.",
        discussion: "A digest says nothing to others: the site whose data set it is knows which it is.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(DataSetsRequest())
        try output.print(response) {
            guard !response.dataSets.isEmpty else { return "No listed contribution names a data set." }
            var table = Table(["data set", ">contributions", "of", "versions", ""])
            for dataSet in response.dataSets {
                table.append([
                    .init(dataSet.dataSet.text), .init("\(dataSet.contributions)"),
                    .init(dataSet.authors.map(\.text).joined(separator: " ")),
                    .init("\(dataSet.first) to \(dataSet.last)"),
                    dataSet.isExcluded ? .init("excluded", .warning) : .init(""),
                ])
            }
            return table.rendered()
        }
    }

    static func words(_ dataSet: DataSetSummary) -> String {
        "of \(Words.list(dataSet.authors.map(\.text))), versions \(dataSet.first) to \(dataSet.last)"
    }
}
