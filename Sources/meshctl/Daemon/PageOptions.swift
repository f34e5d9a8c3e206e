import ArgumentParser

/// Which part of a long list of versions or rounds.
struct PageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("At most so many.", valueName: "1-100"))
    var count: Int64 = 20

    @Option(help: ArgumentHelp("The highest height wanted (default: the newest).", valueName: "height"))
    var from: Int64?

    func validate() throws {
        guard (1...100).contains(count) else { throw ValidationError("--count must be from 1 to 100.") }
        guard from.map({ $0 >= 0 }) ?? true else { throw ValidationError("--from must not be negative.") }
    }
}
