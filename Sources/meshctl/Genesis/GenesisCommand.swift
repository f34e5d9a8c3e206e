import ArgumentParser

struct GenesisCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "genesis", abstract: "Found a mesh: put the genesis together, sign it, collect the signatures.",
        discussion: """
            One operator creates the genesis from the cards of all founders and sends it around. Each founder checks and \
            signs it, and sends back the signature. Whoever has all signatures assembles the complete file.
            """,
        subcommands: [
            GenesisCreateCommand.self, GenesisSignCommand.self, GenesisAssembleCommand.self, GenesisShowCommand.self,
        ])
}
