import ArgumentParser
import EventLoop
import Glibc
import Logging
import Program
import SiteFiles

/// The daemon of one site.
@main
struct MeshNodeCommand: Program {
    static let configuration = CommandConfiguration(
        commandName: "meshnode", abstract: "The daemon of one site of the mesh.")

    @Option(name: .long, help: "The configuration file (TOML).")
    var config: String

    @Flag(name: .long, help: "Say more on standard error.")
    var verbose = false

    /// An orderly end may take this long; after it the process ends as it is, which is as safe.
    private static let stopMilliseconds: UInt64 = 700

    func run() throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        MeshNodeCommand.unblockSignals()
        var logger = Logger(label: "meshnode")
        if verbose { logger.logLevel = .debug }
        let loop = try EventLoop()
        defer { loop.close() }
        do {
            let daemon = try Daemon(try Configuration.load(path: config), loop: loop, logger: logger)
            try daemon.start()
            var watchers: [SignalWatcher] = []
            for signal in [SignalWatcher.Signal.terminate, .interrupt] {
                watchers.append(try SignalWatcher(loop: loop, signal: signal) { MeshNodeCommand.stop(daemon, logger) })
            }
            withExtendedLifetime(watchers) { loop.run() }
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
    }

    /// A parent may have started this process with its own signal mask; SIGTERM must get through in any case.
    private static func unblockSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, nil)
    }

    /// Workers may be in the middle of something long: the process does not wait for them.
    private static func stop(_ daemon: Daemon, _ logger: Logger) {
        logger.info("stopping")
        if let timer = try? LoopTimer(loop: daemon.loop) {
            timer.start(afterMilliseconds: stopMilliseconds) { _exit(0) }
        }
        daemon.stop { _exit(0) }
    }
}
