import ArgumentParser
import Glibc
import SiteFiles
import System

/// Which daemon a verb asks.
struct DaemonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The daemon's operator socket, or its auditor socket.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("The daemon's configuration (default: meshnode.toml).", valueName: "file"))
    var config: String?

    static let defaultConfiguration = "meshnode.toml"

    /// The configuration that was named, or the one in the current directory if there is one.
    func configuration() throws -> SiteFiles.Configuration? {
        if let config { return try Configuration.load(path: config) }
        guard File.exists(DaemonOptions.defaultConfiguration) else { return nil }
        return try Configuration.load(path: DaemonOptions.defaultConfiguration)
    }

    func connect() throws -> DaemonConnection { try DaemonConnection(path: try socketPath()) }

    private func socketPath() throws -> String {
        if let socket { return socket }
        if config == nil, let path = getenv("MESH_SOCKET").map({ String(cString: $0) }), !path.isEmpty,
            !File.exists(DaemonOptions.defaultConfiguration)
        {
            return path
        }
        guard let configuration = try configuration() else {
            throw Failure(
                "no daemon was named", advice: "Give --socket PATH or --config FILE, or set MESH_SOCKET.")
        }
        return configuration.sockets.operator.path
    }
}
