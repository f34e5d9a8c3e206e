import ArgumentParser
import CArguments
import Glibc

/// The root command of an executable.
///
/// Its arguments are those that the system hands to `main`. Swift's `CommandLine.arguments` reads `/proc/self/cmdline`
/// instead, and is empty where `/proc` is not mounted: every program would then see no arguments and show its help with
/// status 0. A program that is started without a verb that it needs ends with status 64.
public protocol Program: ParsableCommand {
    /// Runs before the arguments are parsed: what must hold for every verb.
    static func prepare()
}

extension Program {
    public static func prepare() {}

    /// Parses the arguments of this process and runs the verb that they name.
    public static func main() {
        prepare()
        guard let arguments = ArgumentVector.received else {
            fail("the program was started without an argument vector; start it from a shell or a service manager")
        }
        do {
            var command = try parseAsRoot(Array(arguments.dropFirst()))
            do {
                try command.run()
            } catch is CleanExit {
                // A command that only groups others asks for its help: nothing was done.
                write(helpMessage(for: type(of: command)))
                fail("a verb is missing")
            }
        } catch {
            end(error)
        }
    }

    /// Ends as ArgumentParser does: help on standard output, errors on standard error, where what they quote is escaped.
    private static func end(_ error: any Error) -> Never {
        let (code, text) = (exitCode(for: error), fullMessage(for: error))
        if code == .success { exit(withError: error) }
        if !text.isEmpty { write(TerminalText.escaped(text, keepsLines: true)) }
        Glibc.exit(code.rawValue)
    }

    private static func fail(_ message: String) -> Never {
        write("Error: \(message)")
        Glibc.exit(ExitCode.validationFailure.rawValue)
    }

    private static func write(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// The arguments that `main` receives.
enum ArgumentVector {
    /// The program's name first; nil where the process was started with an empty vector.
    static var received: [String]? {
        guard let vector = mesh_argument_vector() else { return nil }
        return (0..<mesh_argument_count()).compactMap { vector[$0].map { String(cString: $0) } }
    }
}
