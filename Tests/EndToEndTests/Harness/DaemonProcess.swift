import Control
import Foundation
import TestKit

/// One `meshnode` as a process of its own, from this build's folder.
final class DaemonProcess {
    let site: Mesh.Site
    let process: ChildProcess
    /// What it writes to standard error.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    private let logPath: String

    static let binary = Command.path(ofProduct: "meshnode")

    init(_ site: Mesh.Site) throws {
        self.site = site
        logPath = site.folder + "/log"
        process = try ChildProcess(
            DaemonProcess.binary, ["--config", site.configuration], errors: .file(logPath))
    }

    var isRunning: Bool { process.isRunning }

    /// As a loss of power would, but for the disk.
    func killNow() {
        process.send(SIGKILL)
        _ = try? process.wait()
    }

    /// Asks for an orderly end, and waits for it.
    @discardableResult
    func terminate() throws -> ChildProcess.End {
        process.send(SIGTERM)
        return try process.wait(seconds: 60)
    }

    /// Asks one question over a connection of its own, trying until the daemon answers.
    func ask<Method: ControlMethod>(_ request: Method) throws -> Method.Response {
        let client = try DaemonClient.connect(to: site.operatorSocket)
        return try client.request(request)
    }

    func status() throws -> StatusResponse { try ask(StatusRequest()) }
}
