import Crypto
import Foundation
import Ledger
import SiteFiles
import Testing

@testable import meshctl

@Suite struct CeremonyTests {
    @Test func operatorsWhoShareNoDiskFoundAMesh() throws {
        let place = try Workplace()
        let genesis = try place.found()
        #expect(genesis.members.members.map(\.name).sorted() == Workplace.sites)
        #expect(genesis.attachments.map(\.name) == ["config.json", "tokenizer.json"])
        #expect(genesis.tensors.map(\.name) == ["embedding", "norm"])
        #expect(genesis.rules.pieceBytes == 1024)
        #expect(genesis.rules.minContributions == 3)
        let shown = try place.run("genesis", "show", "--genesis", "genesis.mesh", "--json").json()
        #expect(shown["network"] as? String == genesis.network.description)
        #expect(shown["isComplete"] as? Bool == true)
        #expect(shown["quorum"] as? Int == 3)
    }

    @Test func keysAreForTheirOwnerAloneAndNeverOverwritten() throws {
        let place = try Workplace()
        #expect(try place.run("keygen", "--site", "de").status == 0)
        for name in ["operator.key", "node.key", "link.key"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: place.path("de/" + name))
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        let before = try place.bytes("de/node.key")
        let again = try place.run("keygen", "--site", "de")
        #expect(again.status == 1)
        #expect(again.errors.contains("exists already"))
        #expect(try place.bytes("de/node.key") == before)
    }

    @Test(arguments: ["DE", "a b", "../x", "abcdefghijklmnopqrstuvwxyzabcdefg"])
    func badSiteNamesAreRefused(name: String) throws {
        let result = try Workplace().run("keygen", "--site=\(name)")
        #expect(result.status != 0)
        #expect(result.errors.contains("no site name"))
    }

    @Test func passphraseProtectsWhatWasAskedFor() throws {
        let place = try Workplace()
        try place.write("correct horse\n", to: "secret")
        try place.run("keygen", "--site", "de", "--passphrase-file", "secret", "--operator-only")
        #expect(try KeyFile.load(.operatorKey, from: place.path("de/operator.key")).isProtected)
        #expect(try !KeyFile.load(.nodeKey, from: place.path("de/node.key")).isProtected)
        let without = try place.run("card", "--key", "de", "--address", "a.example.org:1")
        #expect(without.status == 1)
        #expect(without.errors.contains("--passphrase-file"))
        try place.write("wrong\n", to: "other")
        let wrong = try place.run("card", "--key", "de", "--address", "a.example.org:1", "--passphrase-file", "other")
        #expect(wrong.errors.contains("does not open with this passphrase"))
        let right = try place.run("card", "--key", "de", "--address", "a.example.org:1", "--passphrase-file", "secret")
        #expect(right.status == 0)
        #expect(right.output.contains("-----BEGIN MESH CARD-----"))
    }

    @Test func aCardThatWasChangedIsRefused() throws {
        let place = try Workplace()
        try place.run("keygen", "--site", "de")
        let card = try SignedCard.read(place.path("de/site.card"))
        let forged = SignedCard.make(
            site: "de", addresses: ["evil.example.org:1"],
            operatorKey: SigningKey(seed: .random(count: 32)), nodeKey: SigningKey(seed: .random(count: 32)),
            linkKey: card.card.member.linkKey)
        // The member's own keys, another's signatures.
        let mixed = CBOR.record([
            "card": card.card.cbor, "operator_signature": .bytes(forged.operatorSignature.bytes),
            "node_signature": .bytes(card.nodeSignature.bytes),
        ])
        let record = try SignedCard(cbor: mixed)
        try place.write(Armour.encode(record, as: Armour.card), to: "bad.card")
        let result = try place.run("card", "--card", "bad.card")
        #expect(result.status == 1)
        #expect(result.errors.contains("signatures do not belong"))
    }

    @Test func aFounderCannotBeThereTwice() throws {
        let place = try Workplace()
        try place.makeModel()
        try place.run("keygen", "--site", "de")
        try place.run("keygen", "--site", "de", "--out", "other")
        let twice = try place.run("genesis", "create", "--model", "model", "--cards", "de/site.card", "de/site.card")
        #expect(twice.errors.contains("given twice: de"))
        let named = try place.run("genesis", "create", "--model", "model", "--cards", "de/site.card", "other/site.card")
        #expect(named.errors.contains("same name: de"))
        #expect(!FileManager.default.fileExists(atPath: place.path("genesis.mesh")))
    }

    @Test func onlyFoundersSignAndOnlyThisGenesis() throws {
        let place = try Workplace()
        try place.found()
        try place.run("keygen", "--site", "it")
        let stranger = try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "it")
        #expect(stranger.status == 1)
        #expect(stranger.errors.contains("no founder has the operator key"))

        let cards = Workplace.sites.map { "\($0)/site.card" }
        try place.run(["genesis", "create", "--model", "model", "--out", "second.mesh", "--cards"] + cards)
        let foreign = try place.run("genesis", "assemble", "--genesis", "second.mesh", "--signatures", "de.signature")
        #expect(foreign.status == 1)
        #expect(foreign.errors.contains("signs network"))
        #expect(try GenesisFile(encoded: place.bytes("second.mesh")).signatures.isEmpty)
    }

    @Test func assemblingInStepsKeepsWhatIsThere() throws {
        let place = try Workplace()
        try place.found()
        let complete = try GenesisFile(encoded: place.bytes("genesis.mesh"))
        try place.write(GenesisFile(genesis: complete.genesis, signatures: []).encoded, to: "genesis.mesh")
        let first = try place.run("genesis", "assemble", "--genesis", "genesis.mesh", "--signatures", "pl.signature")
        #expect(first.output.contains("missing de, es and fr"))
        try place.run(
            "genesis", "assemble", "--genesis", "genesis.mesh", "--signatures", "de.signature", "fr.signature")
        try place.run("genesis", "assemble", "--genesis", "genesis.mesh", "--signatures", "es.signature")
        #expect(try GenesisFile(encoded: place.bytes("genesis.mesh")) == complete)
    }

    @Test func aFounderSeesThatVersionZeroIsAnother() throws {
        let place = try Workplace()
        try place.found()
        try place.makeModel("changed", seed: 2)
        let result = try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--model", "changed")
        #expect(result.status == 1)
        #expect(result.errors.contains("is not version 0"))
        try place.makeModel("edited")
        try place.write("{\"model_type\": \"other\"}", to: "edited/config.json")
        let edited = try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--model", "edited")
        #expect(edited.errors.contains("config.json differs"))
        #expect(
            try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--model", "model").status == 0
        )
    }

    @Test func rulesComeFromOptionsAndFiles() throws {
        let place = try Workplace()
        try place.write(
            """
            # rules of a test
            inner_steps = 7
            encoding = "top-k 128 4"
            review = "open"
            """, to: "rules.toml")
        let genesis = try place.found(
            ["de", "fr"], rules: ["--rules", "rules.toml", "--outer-lr", "2.5", "--inner-lr", "0.002", "--kept", "256"])
        #expect(genesis.rules.innerSteps == 7)
        #expect(genesis.rules.encoding == .topK(kept: 256, bits: 4))
        #expect(genesis.rules.outerLearningRateQ16 == 163_840)
        #expect(genesis.rules.innerLearningRateNano == 2_000_000)
        // All that show prints is a file of rules again.
        let shown = try place.run("genesis", "show", "--genesis", "genesis.mesh", "--rules")
        try place.write(shown.output, to: "again.toml")
        try place.run(
            "genesis", "create", "--model", "model", "--out", "again.mesh", "--rules", "again.toml", "--cards",
            "de/site.card", "fr/site.card")
        #expect(try GenesisFile(encoded: place.bytes("again.mesh")).genesis.rules == genesis.rules)
    }

    /// More than half of the founders must contribute, and none has more than half of a step, if nothing else is said.
    @Test(arguments: [
        ("lan", InnerOptimizer.muon, 5, 1024), ("wan", .muon, 15, 1024), ("thin", .adamW, 15, 64),
        ("shared", .sharedAdamW, 1, 128),
    ])
    func profile_setsRulesThatWereMeasuredTogether(
        name: String, optimizer: InnerOptimizer, innerSteps: UInt32, kept: UInt32
    ) throws {
        let place = try Workplace()
        try place.makeModel()
        try place.run("keygen", "--site", "de")
        let words = ["genesis", "create", "--model", "model", "--cards", "de/site.card", "--force"]
        let result = try place.run(words + ["--profile", name, "--schedule-steps", "99"])
        let rounds = innerSteps == 1 ? "a round for every step" : "rounds of \(innerSteps) steps"
        #expect(result.output.contains("profile \(name): \(rounds), \(kept) of 4096 values"))
        var rules = try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis.rules
        #expect(rules.innerSteps == innerSteps && rules.encoding == .topK(kept: kept, bits: 2))
        #expect(rules.innerOptimizer == optimizer && rules.scheduleSteps == 99)
        let other = try place.run(
            words + ["--profile", name, "--inner-optimizer", "adamw", "--muon-lr", "0.03", "--error-feedback", "85%"])
        #expect(other.output.contains("rules of your own"))
        rules = try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis.rules
        #expect(rules.innerOptimizer == .adamW && rules.muonLearningRateNano == 30_000_000)
        #expect(rules.errorFeedbackQ16 == 55_705)
    }

    @Test func schedule_short_hasAShortWarmUpUnlessTheFileSaysOtherwise() throws {
        let place = try Workplace()
        try place.makeModel()
        try place.run("keygen", "--site", "de")
        let words = [
            "genesis", "create", "--model", "model", "--cards", "de/site.card", "--force", "--schedule-steps", "50",
        ]
        func warmup(_ more: [String]) throws -> UInt32 {
            #expect(try place.run(words + more).status == 0)
            return try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis.rules.warmupSteps
        }
        #expect(try warmup([]) == 5)
        try place.write("warmup_steps = 20\n", to: "rules.toml")
        #expect(try warmup(["--rules", "rules.toml"]) == 20)
        #expect(try warmup(["--rules", "rules.toml", "--warmup-steps", "30"]) == 30)
        let long = try place.run(words + ["--warmup-steps", "51"])
        #expect(long.status != 0 && long.errors.contains("longer than the schedule of 50"))
    }

    @Test func profile_notNamed_isWan() throws {
        let place = try Workplace()
        try place.makeModel()
        try place.run("keygen", "--site", "de")
        let result = try place.run("genesis", "create", "--model", "model", "--cards", "de/site.card")
        #expect(result.output.contains("profile wan: "))
    }

    @Test func oneMemberDoesNotMoveTheModelAlone() throws {
        let place = try Workplace()
        let names = ["a", "b", "c", "d", "e", "f", "g"]
        for name in names { try place.run("keygen", "--site", name) }
        try place.makeModel()
        func rules(_ count: Int, _ options: String...) throws -> Rules {
            let cards = names[..<count].map { "\($0)/site.card" }
            let result = try place.run(
                ["genesis", "create", "--force", "--model", "model", "--cards"] + cards + options)
            try #require(result.status == 0, "\(result.errors)")
            return try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis.rules
        }
        for (count, least) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
            let rules = try rules(count)
            #expect(rules.minContributions == least)
            #expect(rules.nodeWeightMaximumQ30 == (count > 2 ? Rules.oneQ30 / 2 : Rules.oneQ30))
        }
        let chosen = try rules(3, "--min-contributions", "1", "--node-weight-maximum", "1/3")
        #expect(chosen.minContributions == 1)
        #expect(try rules(3, "--error-feedback", "0").errorFeedbackQ16 == 0)
        #expect(chosen.nodeWeightMaximumQ30 == Rules.fairShareQ30(memberCount: 3))
        try place.write("min_contributions = 3\n", to: "rules.toml")
        #expect(try rules(3, "--rules", "rules.toml").minContributions == 3)
        #expect(try rules(3, "--rules", "rules.toml", "--min-contributions", "2").minContributions == 2)
    }

    @Test(arguments: [
        (["--min-contributions", "4"], "at least 4 contributions a version, and there are 3 members"),
        (["--min-contributions", "0"], "min_contributions is out of range"),
        (["--node-weight-maximum", "33%"], "caps a member's weight at 33.0 %, below the fair share of 1/3"),
        (["--node-weight-maximum", "101%"], "The value '101%' is invalid"),
        (["--muon-lr", "2"], "--muon-lr 2.0: it is above 0, in steps of 1/1000000000, and at most 1"),
        (["--outer-lr", "0"], "--outer-lr 0.0: it is above 0, in steps of 1/65536, and at most 64"),
    ])
    func rulesThatNoMeshCanMeetAreRefused(options: [String], message: String) throws {
        let place = try Workplace()
        let names = ["a", "b", "c"]
        for name in names { try place.run("keygen", "--site", name) }
        try place.makeModel()
        let result = try place.run(
            ["genesis", "create", "--model", "model", "--cards"] + names.map { "\($0)/site.card" } + options)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path("genesis.mesh")))
    }

    private static let shares: [(String, UInt32)] = [
        ("50%", 536_870_912), ("0.5", 536_870_912), ("1/2", 536_870_912), ("1", 1_073_741_824), ("100%", 1_073_741_824),
        ("1/3", 357_913_942), ("33.3%", 357_556_028), ("0.00000001", 11),
    ]

    @Test(arguments: shares) func sharesAreReadExactly(text: String, valueQ30: UInt32) {
        #expect(Share(argument: text)?.valueQ30 == valueQ30)
    }

    @Test(arguments: [
        "0", "0%", "2", "50", "100.1%", "3/2", "1/0", "-1/2", "", "%", ".5", "5.", "1/2/3", "0,5", "1e-1", "½", " 1/2",
        "1.000.000", "1/1073741824",
    ])
    func whatIsNoShareIsRefused(text: String) { #expect(Share(argument: text) == nil) }

    @Test(arguments: ["\r\n", "\r"])
    func rulesFile_anotherLineEndAndACommentFirst_foundsOnTheseRules(end: String) throws {
        let place = try Workplace()
        try place.write("\u{feff}# rules of our mesh\(end)inner_steps = 7\(end)", to: "rules.toml")
        try place.write("correct horse\(end)not this\(end)", to: "secret")
        try place.makeModel()
        try place.run("keygen", "--site", "de", "--passphrase-file", "secret")
        try place.write(place.read("de/site.card").replacing("\n", with: end), to: "de/site.card")
        let created = try place.run(
            "genesis", "create", "--model", "model", "--rules", "rules.toml", "--cards", "de/site.card")
        #expect(created.status == 0, "\(created.errors)")
        #expect(try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis.rules.innerSteps == 7)
        try place.write("correct horse\n", to: "secret")
        let signed = try place.run(
            "genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--passphrase-file", "secret")
        #expect(signed.status == 0, "\(signed.errors)")
    }

    @Test(arguments: [
        ("inner_steps = \"many\"", "rules.toml:1: inner_steps must be a whole number"),
        ("\nno_such_rule = 3", "rules.toml:2: there is no rule no_such_rule"),
        ("averaging = \"median\"", "averaging cannot be \"median\""),
        ("piece_bytes = 3", "piece_bytes is out of range"),
        ("encoding = \"top-k\"", "rules.toml:1: \"top-k\" is no encoding"),
        ("inner_steps", "rules.toml:1: expected TOML"),
        ("[mesh]\ninner_steps = 3", "rules.toml:1: there is no rule mesh"),
        ("# inner_steps = 3", "rules.toml: expected at least one line name = value, found none"),
    ])
    func badRulesAreNamed(text: String, message: String) throws {
        let place = try Workplace()
        try place.makeModel()
        try place.run("keygen", "--site", "de")
        try place.write(text, to: "rules.toml")
        let result = try place.run(
            "genesis", "create", "--model", "model", "--rules", "rules.toml", "--cards", "de/site.card")
        #expect(result.status == 1)
        #expect(result.errors.contains(message), "\(result.errors)")
    }

    @Test func aModelThatCannotBeUsedIsNamed() throws {
        let place = try Workplace()
        try place.run("keygen", "--site", "de")
        let missing = try place.run("genesis", "create", "--model", "nowhere", "--cards", "de/site.card")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("nowhere: cannot be read: No such file"))
        try place.makeModel()
        let bytes = try place.bytes("model/model.safetensors")
        try place.write(Array(bytes.dropLast(4)), to: "model/model.safetensors")
        let short = try place.run("genesis", "create", "--model", "model", "--cards", "de/site.card")
        #expect(short.errors.contains("does not fit"), "\(short.errors)")
        // The last parameter becomes infinite.
        try place.write(bytes.dropLast(4) + [0, 0, 0x80, 0x7f], to: "model/model.safetensors")
        let infinite = try place.run("genesis", "create", "--model", "model", "--cards", "de/site.card")
        #expect(infinite.errors.contains("infinity or not-a-number in norm"), "\(infinite.errors)")
    }
}
