import ArgumentParser
import Crypto
import EventLoop
import Glibc
import Program

/// The command line of a site's operator.
@main
struct MeshControl: Program {
    static let configuration = CommandConfiguration(
        commandName: "meshctl",
        abstract: "Found, join, watch and verify a training mesh.",
        discussion: """
            Every verb takes --json for programs. Verbs that ask the daemon find its operator socket by --socket, by \
            --config, by ./meshnode.toml, or by the environment's MESH_SOCKET.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Found and join",
                subcommands: [KeygenCommand.self, CardCommand.self, GenesisCommand.self, JoinCommand.self]),
            CommandGroup(
                name: "Govern",
                subcommands: [
                    ProposeCommand.self, ProposalCommand.self, ReviewCommand.self, InviteCommand.self,
                    LeaveCommand.self,
                ]),
            CommandGroup(
                name: "Watch",
                subcommands: [
                    StatusCommand.self, PeersCommand.self, MembersCommand.self, RulesCommand.self, VersionsCommand.self,
                    VersionCommand.self, ContributionsCommand.self, DataSetsCommand.self, RoundsCommand.self,
                    EvidenceCommand.self,
                    DoctorCommand.self, RecoverCommand.self,
                ]),
            CommandGroup(
                name: "Take away and check",
                subcommands: [LedgerCommand.self, VerifyCommand.self, ExportCommand.self, ForkCommand.self]),
        ])

    static func prepare() {
        ProcessSignals.reportFileSizeLimitAsError()
        // Verbs that sign hold an operator key.
        if let failure = ProcessSecrecy.enter() {
            let line = Array("meshctl: \(failure)\n".utf8)
            _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
    }
}
