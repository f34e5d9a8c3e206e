import ArgumentParser
import Ledger
import SiteFiles

struct GenesisAssembleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assemble", abstract: "Put founders' signatures into a genesis file.",
        discussion:
            "May be done in steps: signatures that are in the file already stay. Complete once all have signed.",
        aliases: ["collect"])

    @Option(help: ArgumentHelp("The genesis file.", valueName: "file"))
    var genesis: String

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Detached signatures.", valueName: "file"))
    var signatures: [String]

    @Option(help: ArgumentHelp("Where the result goes (default: the genesis file itself).", valueName: "file"))
    var out: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        let file = try GenesisFile.read(genesis)
        var collected: [MemberID: GenesisSignature] = [:]
        for signature in file.signatures { collected[signature.signer] = signature }
        for path in signatures {
            let signature = try Armour.read(GenesisSignature.self, Armour.genesisSignature, from: path)
            try check(signature, path, file.genesis)
            collected[signature.signer] = signature
        }
        let assembled = GenesisFile(genesis: file.genesis, signatures: Array(collected.values))
        let path = out ?? genesis
        try OutputFile.write(assembled.encoded, to: path)
        let report = GenesisReport(assembled, path: path)
        try output.print(report) {
            assembled.isComplete
                ? """
                \(report.text)

                Complete: every founder has signed. Send \(path) to all founders; each site then runs
                  meshctl join --genesis \(path) --peers peers.txt --key DIR --model DIR
                """
                : """
                \(report.text)

                Not complete yet: missing \(Words.list(assembled.missingFounders.map(\.name))).
                """
        }
    }

    private func check(_ signature: GenesisSignature, _ path: String, _ genesis: Genesis) throws {
        guard signature.network == genesis.network else {
            throw Failure(
                "\(path) signs network \(signature.network.short), this genesis is network \(genesis.network.short)",
                advice: "The founder signed another genesis file: send this one again.")
        }
        guard let member = genesis.members[signature.signer] else {
            throw Failure("\(path) is signed by somebody who is no founder")
        }
        guard genesis.isSigned(signature.signature, by: member.operatorKey, network: genesis.network) else {
            throw Failure("\(path) is not a valid signature of \(member.name)")
        }
    }
}
