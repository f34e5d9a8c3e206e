import Control
import Foundation
import TestKit

/// A person at a site: runs `meshctl` with the site's operator key and asks its daemon.
struct Operator {
    let site: Mesh.Site

    /// Runs the ledger verifier that was written from the documents and shares no code with the mesh.
    static func verifyFromDocuments(genesis: String, ledger: String, in folder: String) throws -> Command.Result {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Reference/verify_ledger.py")
        return try Command("/usr/bin/env", in: folder).run(["python3", "-B", script.path, genesis, ledger])
    }

    /// Runs a verb as it stands.
    static func run(_ arguments: [String], in folder: String) throws -> Command.Result {
        // What a sanitizer is told goes on to the child; what would steer the verb does not.
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MESH_") }
        return try Command(Command.path(ofProduct: "meshctl"), in: folder, environment: environment).run(arguments)
    }

    /// A verb with this site's daemon; `key` says whether it signs.
    @discardableResult
    func attempt(_ arguments: [String], key: Bool = true) throws -> Command.Result {
        try Operator.run(
            arguments + ["--config", site.configuration] + (key ? ["--key", site.folder] : []), in: site.folder)
    }

    /// A verb that must succeed; gives what it prints.
    @discardableResult
    func run(_ arguments: String..., key: Bool = true) throws -> String {
        let result = try attempt(arguments, key: key)
        guard result.status == 0 else {
            throw TestError("meshctl \(arguments.joined(separator: " ")): \(result.errors)")
        }
        return result.output
    }

    /// Proposes and gives the digest of the action.
    func propose(_ arguments: String...) throws -> String {
        let result = try attempt(["propose"] + arguments + ["--json"])
        let json = try? JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        guard result.status == 0, let action = json?["action"] as? String else {
            throw TestError("meshctl propose \(arguments.joined(separator: " ")): \(result.errors)")
        }
        return action
    }

    /// Signs a proposal as soon as this site's daemon knows it.
    func approve(_ action: String) throws {
        let daemon = try DaemonClient.connect(to: site.operatorSocket)
        try Condition.wait(for: "the proposal at \(site.name)") {
            (try? daemon.request(ProposalRequest(action: DigestText(action)!))) != nil
        }
        try run("proposal", "approve", action, "--yes")
    }
}
