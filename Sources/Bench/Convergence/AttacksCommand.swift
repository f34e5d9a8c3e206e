import ArgumentParser
import Foundation

/// Trains the same mesh under one attack after the other, and prints what each leaves the honest sites with.
struct AttacksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attacks",
        abstract: "Trains the mesh under every attack of as many sites as it tolerates, beside no attack.",
        discussion: """
            The first (n - 1) / 3 sites are hostile. Losses are those of the honest sites' languages, held out, in nats per byte. \
            The attackers know what all others hand over in the same round, which commit before reveal denies them. \
            Docs/training.md has the table.
            """)

    @OptionGroup var options: ConvergenceOptions
    @Option(help: "Attacks, separated by commas; all where not given.") var attacks: String?
    @Option(help: "The seed.") var seed: UInt64 = 1

    func validate() throws { _ = try chosen() }

    private func chosen() throws -> [Attack] {
        guard let attacks else { return Attack.allCases }
        return try attacks.split(separator: ",").map {
            guard let attack = Attack(rawValue: String($0)) else {
                throw ValidationError(
                    "--attacks: there is no '\($0)'; choose of "
                        + Attack.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return attack
        }
    }

    func run() throws {
        let setting = options.setting(try options.sites(), seed: seed)
        let hostile = Attack.hostileCount(siteCount: setting.sites.count)
        guard hostile > 0 else { throw ValidationError("with fewer than 4 sites a mesh tolerates no hostile one") }
        let rules = options.rules(siteCount: setting.sites.count)
        var table = AttackTable(
            hostile: setting.sites.prefix(hostile).map(\.name), honest: setting.sites.dropFirst(hostile).map(\.name))
        func add(_ name: String, _ attack: Attack?) throws {
            let losses = try setting.mesh(rules, attack: attack).final.losses
            table.add(name, Array(losses.dropFirst(hostile)))
            FileHandle.standardError.write(Data("\(name) done\n".utf8))
        }
        try add("no attack", nil)
        for attack in try chosen() { try add(attack.rawValue, attack) }
        print(table.text)
    }
}
