import ArgumentParser

/// The daemon of one site.
@main
struct MeshNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meshnode", abstract: "The daemon of one site of the mesh.")

    @Option(name: .long, help: "The configuration file (TOML).")
    var config: String

    func run() throws {
        _ = try Configuration.load(path: config)
    }
}
