import ArgumentParser
import Model
import Program

/// Benchmarks of this project's own parts. Figures for people and for records; never a test.
@main
struct Bench: Program {
    static let configuration = CommandConfiguration(
        commandName: "Bench", abstract: "Measures parts of the mesh on this machine.",
        subcommands: [
            CodecBenchmark.self, ModelBench.self, ConvergenceCommand.self, AttacksCommand.self, SeedsBenchmark.self,
            MeshBenchmark.self,
            PaceBenchmark.self,
            WeightsCommand.self, SubmissionCommand.self, FloodCommand.self,
        ])

    static func prepare() {
        if let core = MatrixKernels.betterCore { ProcessRestart.restart(setting: MatrixKernels.variable, to: core) }
    }
}
