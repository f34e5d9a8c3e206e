import Control
import Foundation

/// A person at a site: runs `meshctl` with the site's operator key and asks its daemon.
struct Operator {
    let site: Mesh.Site

    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    /// The products of a build lie side by side.
    private static let binary = URL(fileURLWithPath: DaemonProcess.binary).deletingLastPathComponent()
        .appendingPathComponent("meshctl")

    /// Runs the ledger verifier that was written from the documents and shares no code with the mesh.
    static func verifyFromDocuments(genesis: String, ledger: String, in folder: String) throws -> Result {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Reference/verify_ledger.py")
        return try run(
            ["python3", "-B", script.path, genesis, ledger], in: folder, program: URL(filePath: "/usr/bin/env"))
    }

    /// Runs a verb as it stands.
    static func run(_ arguments: [String], in folder: String, program: URL = Operator.binary) throws -> Result {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        // What a sanitizer is told goes on to the child; what would steer the verb does not.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MESH_") }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: what is long cannot block.
        let files = ["out", "err"].map { folder + "/.\($0)-\(UUID().uuidString)" }
        for file in files { try Data().write(to: URL(fileURLWithPath: file)) }
        process.standardOutput = FileHandle(forWritingAtPath: files[0])
        process.standardError = FileHandle(forWritingAtPath: files[1])
        try process.run()
        process.waitUntilExit()
        let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
        for file in files { try FileManager.default.removeItem(atPath: file) }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// A verb with this site's daemon; `key` says whether it signs.
    @discardableResult
    func attempt(_ arguments: [String], key: Bool = true) throws -> Result {
        try Operator.run(
            arguments + ["--config", site.configuration] + (key ? ["--key", site.folder] : []), in: site.folder)
    }

    /// A verb that must succeed; gives what it prints.
    @discardableResult
    func run(_ arguments: String..., key: Bool = true) throws -> String {
        let result = try attempt(arguments, key: key)
        guard result.status == 0 else {
            throw HarnessError("meshctl \(arguments.joined(separator: " ")): \(result.errors)")
        }
        return result.output
    }

    /// Proposes and gives the digest of the action.
    func propose(_ arguments: String...) throws -> String {
        let result = try attempt(["propose"] + arguments + ["--json"])
        let json = try? JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        guard result.status == 0, let action = json?["action"] as? String else {
            throw HarnessError("meshctl propose \(arguments.joined(separator: " ")): \(result.errors)")
        }
        return action
    }

    /// Signs a proposal as soon as this site's daemon knows it.
    func approve(_ action: String) throws {
        let daemon = try ControlClient.connect(to: site.operatorSocket)
        try Condition.wait(for: "the proposal at \(site.name)") {
            (try? daemon.request(ProposalRequest(action: DigestText(action)!))) != nil
        }
        try run("proposal", "approve", action, "--yes")
    }
}
