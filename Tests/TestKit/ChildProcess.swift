import CTestKit
import Foundation
import System

/// A program that a test starts as a process of its own.
///
/// Not Foundation's `Process`: that one learns of an end through a socket whose other end every process that is started
/// at the same moment inherits too, and it waits for all ends on one thread. Two tests that each start several daemons
/// could wait for each other without end. Here a child inherits its three standard streams only, a thread of its own
/// waits for its end, and every wait of a test has a deadline.
///
/// A child that still runs when its last reference goes is killed.
public final class ChildProcess: Sendable {
    /// Where a standard stream of the child leads.
    public enum Stream: Sendable {
        /// `/dev/null`.
        case discarded
        /// Appended to this file, which is created if it is missing.
        case file(String)
        /// A descriptor of the test's, which stays open.
        case descriptor(Int32)
    }

    /// How a process ended.
    public enum End: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    public let identifier: pid_t
    private let name: String
    private let fate: Fate

    /// What the child's thread and its owner share.
    private final class Fate: Sendable {
        private let end = Guarded<End?>(nil)

        var known: End? { end.withLock { $0 } }

        /// Returns when the process has ended.
        func wait(for identifier: pid_t) {
            var information = siginfo_t()
            while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
            end.withLock { end in
                var status: Int32 = 0
                waitpid(identifier, &status, 0)
                let signal = status & 0x7F
                end = signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
            }
        }

        /// While the process is not waited for, its identifier belongs to no other.
        func send(_ signal: Int32, to identifier: pid_t) {
            end.withLock { if $0 == nil { kill(identifier, signal) } }
        }
    }

    /// Starts `executable`. Its standard input is empty, and no signal is blocked or ignored in it.
    ///
    /// - Parameters:
    ///   - executable: path of the program.
    ///   - environment: all of its environment; nil for the test's own.
    ///   - folder: its working directory; nil for the test's own.
    /// - Throws: `TestError` if the system does not start it.
    public init(
        _ executable: String, _ arguments: [String], environment: [String: String]? = nil, in folder: String? = nil,
        output: Stream = .discarded, errors: Stream = .discarded
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (stream, descriptor) in [(output, STDOUT_FILENO), (errors, STDERR_FILENO)] {
            switch stream {
            case .discarded: posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
            case .file(let path):
                posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            case .descriptor(let source): posix_spawn_file_actions_adddup2(&actions, source, descriptor)
            }
        }
        spawn_actions_close_from(&actions, STDERR_FILENO + 1)
        if let folder { spawn_actions_change_folder(&actions, folder) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let words = ([executable] + arguments).map { strdup($0) } + [nil]
        let own = ProcessInfo.processInfo.environment
        let settings = (environment ?? own).map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var identifier = pid_t()
        let status = posix_spawn(&identifier, executable, &actions, &attributes, words, settings)
        guard status == 0 else { throw TestError("cannot start \(executable): \(String(cString: strerror(status)))") }
        let fate = Fate()
        Thread.detachNewThread { [identifier] in fate.wait(for: identifier) }
        self.identifier = identifier
        self.fate = fate
        name = executable.split(separator: "/").last.map(String.init) ?? executable
    }

    deinit { fate.send(SIGKILL, to: identifier) }

    public var isRunning: Bool { end == nil }

    /// How it ended; nil while it runs.
    public var end: End? { fate.known }

    /// Sends a signal, if it still runs.
    public func send(_ signal: Int32) { fate.send(signal, to: identifier) }

    /// Waits for its end.
    ///
    /// - Throws: `TestError` if it still runs after so many seconds, which only a failing test reaches.
    @discardableResult
    public func wait(seconds: Double = 300) throws -> End {
        try Condition.wait(for: "the end of \(name)", seconds: seconds) { !isRunning }
        return end!
    }
}
