import ArgumentParser
import Control

struct RoundsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rounds", abstract: "How recent rounds went at this site, the newest first.")

    @Option(help: ArgumentHelp("At most so many.", valueName: "1-100"))
    var count: Int64 = 20

    @Option(help: ArgumentHelp("The highest height wanted (default: the newest).", valueName: "height"))
    var from: Int64?

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100).contains(count) else { throw ValidationError("--count must be from 1 to 100.") }
        guard from.map({ $0 >= 0 }) ?? true else { throw ValidationError("--from must not be negative.") }
    }

    func run() throws {
        let response = try daemon.connect().ask(RoundsRequest(count: count, from: from))
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
