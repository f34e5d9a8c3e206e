import Foundation
import Testing

@testable import meshctl

/// What all verbs have in common, read from the program itself.
@Suite struct VerbTests {
    private struct Verb {
        let words: [String]
        let options: Set<String>
    }

    /// Every command that has none below it.
    private func verbs() throws -> [Verb] {
        let tree = try Workplace().run("--experimental-dump-help").json()
        var verbs: [Verb] = []
        func walk(_ command: [String: Any], _ above: [String]) {
            guard let name = command["commandName"] as? String, name != "help" else { return }
            let below = (command["subcommands"] as? [[String: Any]] ?? []).filter {
                $0["commandName"] as? String != "help"
            }
            guard below.isEmpty else {
                for command in below { walk(command, above + [name]) }
                return
            }
            let arguments = command["arguments"] as? [[String: Any]] ?? []
            let names = arguments.flatMap { $0["names"] as? [[String: Any]] ?? [] }.compactMap { $0["name"] as? String }
            verbs.append(Verb(words: above + [name], options: Set(names)))
        }
        walk(try #require(tree["command"] as? [String: Any]), [])
        return verbs
    }

    @Test func everyVerb_takesJSON() throws {
        let verbs = try verbs()
        #expect(verbs.count > 35)
        let without = verbs.filter { !$0.options.contains("json") }.map { $0.words.joined(separator: " ") }
        #expect(without.isEmpty)
    }

    @Test func recover_printsJSON() throws {
        let place = try Workplace()
        try place.found()
        try place.run(
            "join", "--genesis", "genesis.mesh", "--peer", "127.0.0.1:9", "--key", "de", "--state", "state")
        try FileManager.default.createDirectory(atPath: place.path("state"), withIntermediateDirectories: true)
        let result = try place.run("recover", "--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.json()["stateDirectory"] as? String == place.path("state"))
        #expect(FileManager.default.fileExists(atPath: place.path("state/recover")))
    }
}
