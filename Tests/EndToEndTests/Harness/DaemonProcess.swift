import Control
import Foundation

/// One `meshnode` as a process of its own, from this build's folder.
final class DaemonProcess {
    let site: Mesh.Site
    let process = Process()
    /// What it writes to standard error.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    private let logPath: String
    private let logHandle: FileHandle

    /// Where SwiftPM puts products: beside the bundle of tests.
    static let binary: String = {
        let arguments = CommandLine.arguments
        var folder = URL(fileURLWithPath: arguments[0]).deletingLastPathComponent()
        // swift test runs a helper; the bundle's path is then among the arguments.
        for argument in arguments where argument.contains(".xctest") {
            folder = URL(fileURLWithPath: argument).deletingLastPathComponent()
        }
        return folder.appendingPathComponent("meshnode").path
    }()

    /// Another product of the same build.
    static func product(_ name: String) -> String {
        URL(fileURLWithPath: binary).deletingLastPathComponent().appendingPathComponent(name).path
    }

    init(_ site: Mesh.Site) throws {
        self.site = site
        logPath = site.folder + "/log"
        if !FileManager.default.fileExists(atPath: logPath) {
            _ = FileManager.default.createFile(atPath: logPath, contents: nil)
        }
        logHandle = FileHandle(forWritingAtPath: logPath)!
        logHandle.seekToEndOfFile()
        process.executableURL = URL(fileURLWithPath: DaemonProcess.binary)
        process.arguments = ["--config", site.configuration]
        process.standardError = logHandle
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    /// As a loss of power would, but for the disk.
    func killNow() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// An orderly end; returns the exit status.
    func terminate() throws -> Int32 {
        kill(process.processIdentifier, SIGTERM)
        try Condition.wait(for: "the end of \(site.name)") { !process.isRunning }
        return process.terminationStatus
    }

    /// Asks one question over a connection of its own, trying until the daemon answers.
    func ask<Method: ControlMethod>(_ request: Method) throws -> Method.Response {
        let client = try ControlClient.connect(to: site.operatorSocket)
        return try client.request(request)
    }

    func status() throws -> StatusResponse { try ask(StatusRequest()) }
}

/// Waits for conditions: the only way in which these tests let time pass.
enum Condition {
    /// Asks `condition` again and again until it holds.
    /// - Throws: `HarnessError` with `what` after so many seconds, which only a failing test reaches.
    static func wait(
        for what: String, seconds: Double = 60, intervalMicroseconds: UInt32 = 20_000, _ condition: () throws -> Bool
    ) throws {
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            if (try? condition()) == true { return }
            guard Date() < deadline else { throw HarnessError("waited \(seconds) s in vain for \(what)") }
            // The pause between two looks; what is waited for is the condition.
            poll(nil, 0, 20)
        }
    }
}
