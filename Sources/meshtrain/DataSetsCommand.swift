import ArgumentParser

/// Shows the site's own register of data sets.
struct DataSetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datasets",
        abstract: "The data sets of this site: ids as contributions name them, names, contents.",
        discussion: "Reads the register under --state, which never leaves the site.")

    @Option(help: "The trainer's state directory.") var state: String
    @Flag(help: "Print the whole register, with all files, as one line of JSON.") var json = false

    func run() throws {
        let register = try DataSetRegister.load(from: state)
        guard !json else { return Output.line(String(decoding: try Output.json(register), as: UTF8.self)) }
        guard !register.dataSets.isEmpty else { return Output.line("No data set is registered in \(state).") }
        for entry in register.dataSets {
            Output.line("\(entry.name)")
            Output.line("  id        \(entry.id)")
            Output.line("  mode      \(entry.mode)")
            Output.line("  licence   \(entry.licence ?? "not stated")")
            guard let contents = entry.contents.last else { continue }
            Output.line("  contents  \(contents.digest)")
            Output.line(
                "            \(contents.files) files, \(contents.bytes) bytes; changed \(entry.contents.count - 1) times"
            )
        }
    }
}
