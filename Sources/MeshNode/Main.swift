import ArgumentParser
import Crypto
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
        LoggingSystem.bootstrap { QueuedLogHandler(label: $0, output: .standardError) }
        MeshNodeCommand.unblockSignals()
        ProcessSignals.reportFileSizeLimitAsError()
        ProcessSignals.ignoreUserSignals()
        // Whatever the daemon makes is for its user alone; its sockets get their own modes.
        umask(0o077)
        var logger = Logger(label: "meshnode")
        if verbose { logger.logLevel = .debug }
        if let failure = ProcessSecrecy.enter() { logger.warning("\(failure)") }
        let loop = try EventLoop()
        defer { loop.close() }
        do {
            let daemon = try Daemon(try Configuration.load(path: config), loop: loop, logger: logger)
            try daemon.start()
            let stop = OrderlyStop(daemon, logger)
            var watchers: [SignalWatcher] = []
            for signal in [SignalWatcher.Signal.terminate, .interrupt, .quit, .hangUp, .processorTime] {
                // Under nohup a daemon outlives its terminal.
                if signal == .hangUp, signal.isIgnored { continue }
                watchers.append(try SignalWatcher(loop: loop, signal: signal) { stop.begin() })
            }
            withExtendedLifetime(watchers) { loop.run() }
        } catch {
            logger.critical("\(error)")
            LogOutput.standardError.flush()
            throw ExitCode.failure
        }
    }

    /// A parent may have started this process with its own signal mask; SIGTERM must get through in any case.
    private static func unblockSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, nil)
    }

    /// Ends the daemon once, however many signals ask for it.
    private final class OrderlyStop {
        private let daemon: Daemon
        private let logger: Logger
        private var hasBegun = false

        init(_ daemon: Daemon, _ logger: Logger) {
            self.daemon = daemon
            self.logger = logger
        }

        /// Workers may be in the middle of something long: the process does not wait for them.
        func begin() {
            guard !hasBegun else { return }
            hasBegun = true
            logger.info("stopping")
            if let timer = try? LoopTimer(loop: daemon.loop) {
                timer.start(afterMilliseconds: stopMilliseconds) { OrderlyStop.end() }
            }
            daemon.stop { OrderlyStop.end() }
        }

        private static func end() {
            LogOutput.standardError.flush()
            _exit(0)
        }
    }
}
