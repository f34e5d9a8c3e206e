import Crypto
import Gossip
import TestKit
import Testing

@testable import SiteFiles

struct ConfigurationTests {
    static let good = """
        [mesh]
        genesis = "genesis"
        listen = "0.0.0.0:7700"
        announce = ["de.example.org:7700"]
        peers = ["fr.example.org:7700", "[2001:db8::1]:7700"]

        [site]
        name = "de"
        state = "/var/lib/mesh"
        node_key = "node.key"
        link_key = "link.key"

        [timing]
        round_deadline_milliseconds = 60000

        [workers]
        count = 3
        """

    @Test("The sockets are beside the configuration without a directory, else in it; a group gives mode 0660")
    func readsSockets() throws {
        func sockets(_ lines: String) throws -> Configuration.Sockets {
            try Configuration(text: Self.good + "\n[sockets]\n" + lines, file: "/etc/mesh/meshnode.toml").sockets
        }
        let plain = try sockets("")
        #expect(plain.trainer == .init(path: "/etc/mesh/trainer.sock"))
        #expect(plain.operator == .init(path: "/etc/mesh/operator.sock"))
        #expect(plain.auditor == nil)
        let all = try sockets(
            """
            directory = "/run/mesh"
            trainer = "t"
            trainer_group = "mesh-trainer"
            operator = "/srv/o"
            operator_mode = "0660"
            auditor_group = "mesh-auditor"
            """)
        #expect(all.trainer == .init(path: "/run/mesh/t", isForGroup: true, group: "mesh-trainer"))
        #expect(all.operator == .init(path: "/srv/o", isForGroup: true))
        #expect(all.auditor == .init(path: "/run/mesh/auditor.sock", isForGroup: true, group: "mesh-auditor"))
    }

    @Test(
        "Sockets for everybody, one path for two sockets, and a group that the mode locks out are refused",
        arguments: [
            ("operator_mode = \"0666\"", "[sockets] operator_mode"), ("trainer_mode = 660", "[sockets] trainer_mode"),
            ("trainer = \"operator.sock\"", "[sockets] operator"), ("auditor = \"trainer.sock\"", "[sockets] auditor"),
            ("auditor = \"operator.sock\"", "[sockets] auditor"),
            ("operator_mode = \"0600\"\noperator_group = \"staff\"", "[sockets] operator_mode"),
            ("socket = \"control\"", "[sockets] socket"),
            ("trainer = \"" + String(repeating: "x", count: 108) + "\"", "[sockets] trainer"),
        ])
    func refusesUnsafeSockets(line: String, key: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try Configuration(text: Self.good + "\n[sockets]\n" + line, file: "meshnode.toml")
        }
        #expect(error.key == key)
    }

    @Test("A whole configuration is read, paths relative to its folder")
    func readsAll() throws {
        let configuration = try Configuration(text: Self.good, file: "/etc/mesh/meshnode.toml")
        #expect(configuration.mesh.genesis == "/etc/mesh/genesis")
        #expect(configuration.mesh.peers == ["fr.example.org:7700", "[2001:db8::1]:7700"])
        #expect(configuration.site.stateDirectory == "/var/lib/mesh")
        #expect(configuration.site.name == "de")
        #expect(configuration.timing.roundDeadline == 60_000)
        #expect(configuration.timing.viewInitial == Timing().viewInitial)
        #expect(configuration.workerCount == 3)
    }

    @Test(
        "A mistake is named with file, line, key and what was expected",
        arguments: [
            ("count = 3", "count = 0", 17, "[workers] count", "1 to 1024"),
            ("count = 3", "count = \"x\"", 17, "[workers] count", "whole number"),
            ("count = 3", "threads = 3", 17, "[workers] threads", "count"),
            ("[workers]", "[worker]", 16, "[worker]", "[workers]"),
            ("0.0.0.0:7700", "here", 3, "[mesh] listen", "numeric address"),
            ("\"fr.example.org:7700\"", "\"fr.example.org\"", 5, "[mesh] peers", "host:port"),
            ("\"fr.example.org:7700\"", "7", 5, "[mesh] peers", "host:port"),
            ("name = \"de\"", "name = \"De\"", 8, "[site] name", "a-z"),
            ("node_key = \"node.key\"", "", 7, "[site] node_key", "node key file"),
            ("genesis = \"genesis\"", "genesis = 1", 2, "[mesh] genesis", "path"),
            ("60000", "-1", 14, "[timing] round_deadline_milliseconds", "whole number"),
            ("peers = [", "peers = [[", 5, nil, "TOML"),
        ])
    func namesMistakes(from: String, to: String, line: Int, key: String?, expected: String) throws {
        let text = Self.good.replacing(from, with: to)
        let error = try #require(throws: ConfigurationError.self) {
            try Configuration(text: text, file: "meshnode.toml")
        }
        #expect(error.file == "meshnode.toml")
        if key != nil { #expect(error.line == line) } else { #expect(error.line != nil) }
        #expect(error.key == key)
        #expect(error.expected.contains(expected))
        #expect(error.description.hasPrefix("meshnode.toml:"))
    }

    @Test("Every line end and a byte order mark give the same configuration", arguments: TextForm.allCases)
    func readsEveryForm(form: TextForm) throws {
        let folder = TemporaryFolder()
        let path = folder.write(form.bytes("# of de\n" + Self.good))
        let configuration = try Configuration.load(path: path)
        #expect(configuration.mesh.listen == ["0.0.0.0:7700"] && configuration.site.name == "de")
        let wrong = folder.write(form.bytes("# of de\n" + Self.good.replacing("count = 3", with: "threads = 3")))
        #expect(throws: ConfigurationError.self) { try Configuration.load(path: wrong) }
        do { _ = try Configuration.load(path: wrong) } catch let error as ConfigurationError {
            #expect(error.line == 18 && error.key == "[workers] threads")
        }
    }

    @Test("A text with a zero byte is refused, not cut there")
    func refusesZero() {
        #expect(throws: ConfigurationError.self) {
            try Configuration(text: Self.good + "\0 = ", file: "meshnode.toml")
        }
    }

    @Test("No mutation of a configuration does anything but parse or be refused", arguments: 0..<8)
    func survivesMutation(seed: UInt64) {
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<200 {
            var bytes = Array(Self.good.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...127, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 32...126, using: &random), at: place)
                }
            }
            configurationFuzzEntry(bytes)
        }
    }
}

/// Reads bytes as a configuration; whatever they are, the outcome is a value or a `ConfigurationError`.
func configurationFuzzEntry(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    do throws(ConfigurationError) {
        let configuration = try Configuration(text: text, file: "meshnode.toml")
        #expect(configuration.workerCount >= 1)
    } catch {
        #expect(!error.description.isEmpty)
    }
}
