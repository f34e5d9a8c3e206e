import ArgumentParser
import Program

/// Benchmarks of this project's own parts. Figures for people and for records; never a test.
@main
struct Bench: Program {
    static let configuration = CommandConfiguration(
        commandName: "Bench", abstract: "Measures parts of the mesh on this machine.",
        subcommands: [
            CodecBenchmark.self, ModelBench.self, SeedsBenchmark.self, MeshBenchmark.self, WeightsCommand.self,
            HandOverCommand.self,
            FloodCommand.self,
        ])
}
