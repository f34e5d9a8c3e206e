import ArgumentParser
import Control

struct RoundsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rounds", abstract: "How recent rounds went at this site, the newest first.")

    @OptionGroup var page: PageOptions
    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(RoundsRequest(count: page.count, from: page.from))
        try output.print(response) {
            func time(_ milliseconds: Int64?) -> String { milliseconds.map { Words.duration(milliseconds: $0) } ?? "-" }
            var table = Table([
                ">version", ">views", ">listed", ">first", ">available", ">ready", ">certified", ">received", ">sent",
                "waited last for",
            ])
            for round in response.rounds {
                table.append(
                    "\(round.height)", "\(round.views)", "\(round.contributions)",
                    time(round.firstContributionMilliseconds), time(round.availableMilliseconds),
                    time(round.readyMilliseconds), time(round.certifiedMilliseconds), Words.bytes(round.receivedBytes),
                    Words.bytes(round.sentBytes), round.lastSites.map(\.text).joined(separator: " "))
            }
            return table.rendered()
        }
    }
}
