import Crypto
import Foundation
import Ledger
import Tensor
import TestKit
import Testing

/// A directory of its own, and the built `meshctl` to run in it.
final class Workplace {
    let folder: URL

    typealias Result = Command.Result

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ctl-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult
    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
        try run(arguments, environment: environment)
    }

    @discardableResult
    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Result {
        try start(arguments, environment: environment).result()
    }

    /// Runs a program of `Tests/Reference`, which shares no code with the mesh.
    func runReference(_ script: String, _ arguments: [String]) throws -> Result {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference")
        return try command("/usr/bin/env").run(["python3", "-B", folder.appending(path: script).path] + arguments)
    }

    /// A `meshctl` that runs while the test does something, for instance answer it.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Command.Running {
        try command(Command.path(ofProduct: "meshctl"), environment: environment).start(arguments)
    }

    private func command(_ program: String, environment: [String: String] = [:]) -> Command {
        // What a sanitizer is told goes on to the child; what would steer the verb is the test's to say.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MESH_") }
        return Command(program, in: folder.path, environment: environment.merging(inherited) { first, _ in first })
    }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: folder.appending(path: name)) }

    func read(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: folder.appending(path: name)) }

    /// A small model directory in Hugging Face's layout.
    func makeModel(_ name: String = "model", seed: UInt64 = 1) throws {
        try FileManager.default.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
        try write("{\"model_type\": \"llama\"}", to: name + "/config.json")
        try write("{}", to: name + "/tokenizer.json")
        let layout = try ParameterLayout([("embedding", [50, 100]), ("norm", [100])])
        var random = SeededRandom(simulationSeed: seed)
        let values = (0..<layout.parameterCount).map { _ in Float.random(in: -1...1, using: &random) }
        try SafetensorsFile.write(
            ParameterArray(values), layout: layout, to: path(name + "/model.safetensors"))
    }

    static let sites = ["de", "es", "fr", "pl"]

    /// The whole ceremony, each step by the command line. Gives the complete genesis.
    @discardableResult
    func found(_ sites: [String] = Workplace.sites, rules: [String] = ["--piece-bytes", "1024"]) throws -> Genesis {
        try makeModel()
        for site in sites { try expect(run("keygen", "--site", site, "--address", "\(site).example.org:7700")) }
        try expect(
            run(["genesis", "create", "--model", "model", "--cards"] + sites.map { "\($0)/site.card" } + rules))
        for site in sites { try expect(run("genesis", "sign", "--genesis", "genesis.mesh", "--key", site)) }
        try expect(
            run(["genesis", "assemble", "--genesis", "genesis.mesh", "--signatures"] + sites.map { "\($0).signature" }))
        let file = try GenesisFile(encoded: bytes("genesis.mesh"))
        #expect(file.isComplete)
        return file.genesis
    }

    private func expect(_ result: Result) throws { try #require(result.status == 0, "\(result.errors)") }
}

extension Command.Result {
    /// What was printed, as a JSON object.
    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }
}
