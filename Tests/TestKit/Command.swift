import Foundation

/// A program that a test runs to its end.
public struct Command: Sendable {
    public let executable: String
    public var folder: String
    public var environment: [String: String]?

    public struct Result: Sendable {
        /// The exit status; -1 if a signal ended it.
        public let status: Int32
        public let output: String
        public let errors: String
    }

    /// - Parameters:
    ///   - executable: path of the program.
    ///   - folder: its working directory.
    ///   - environment: all of its environment; nil for the test's own.
    public init(_ executable: String, in folder: String = "/tmp", environment: [String: String]? = nil) {
        self.executable = executable
        self.folder = folder
        self.environment = environment
    }

    /// A program of this build: the products lie beside the bundle of tests.
    public static func path(ofProduct name: String) -> String {
        let bundle =
            CommandLine.arguments.lazy
            .compactMap { argument in argument.range(of: ".xctest").map { String(argument[..<$0.upperBound]) } }.first
            ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: name).path
    }

    /// Runs it and waits.
    ///
    /// - Throws: `TestError` if it cannot be started, or still runs after so many seconds.
    @discardableResult
    public func run(_ arguments: [String], seconds: Double = 300) throws -> Result {
        try start(arguments).result(seconds: seconds)
    }

    /// Starts it, for a test that does something meanwhile.
    public func start(_ arguments: [String]) throws -> Running {
        try Running(self, arguments)
    }

    /// A program that runs. Its output goes to files, so that a long one does not wait for a reader.
    public final class Running {
        public let process: ChildProcess
        private let outputPath: String
        private let errorPath: String

        fileprivate init(_ command: Command, _ arguments: [String]) throws {
            let base = FileManager.default.temporaryDirectory.appending(path: "command-\(UUID().uuidString)").path
            outputPath = base + ".out"
            errorPath = base + ".err"
            process = try ChildProcess(
                command.executable, arguments, environment: command.environment, in: command.folder,
                output: .file(outputPath), errors: .file(errorPath))
        }

        deinit { for path in [outputPath, errorPath] { unlink(path) } }

        /// What it has written to standard error so far.
        public var errors: String { text(errorPath) }

        /// Waits for its end.
        ///
        /// - Throws: `TestError` if it still runs after so many seconds.
        public func result(seconds: Double = 300) throws -> Result {
            var status: Int32 = -1
            if case .exited(let code) = try process.wait(seconds: seconds) { status = code }
            return Result(status: status, output: text(outputPath), errors: errors)
        }

        private func text(_ path: String) -> String {
            (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }
}
