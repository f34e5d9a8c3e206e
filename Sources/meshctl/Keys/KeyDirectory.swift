import Crypto
import Ledger

/// A site's keys as `keygen` lays them down: three key files and the public card, in one directory.
struct KeyDirectory {
    let path: String

    init(_ path: String) {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    var operatorKey: String { path + "/operator.key" }
    var nodeKey: String { path + "/node.key" }
    var linkKey: String { path + "/link.key" }
    var card: String { path + "/site.card" }
    /// A rotation's new operator key, until the members have agreed on it.
    var nextOperatorKey: String { operatorKey + ".next" }

    func file(_ kind: KeyKind) -> String {
        switch kind {
        case .operatorKey: operatorKey
        case .nodeKey: nodeKey
        case .linkKey: linkKey
        }
    }

    /// The public half of a key, which needs no passphrase.
    func publicKeyBytes(_ kind: KeyKind, isNext: Bool = false) throws -> [UInt8] {
        try load(kind, isNext: isNext).publicKeyBytes
    }

    func signingKey(_ kind: KeyKind, _ passphrase: PassphraseOption, isNext: Bool = false) throws -> SigningKey {
        let file = try load(kind, isNext: isNext)
        do {
            return try file.signingKey(passphrase: file.isProtected ? passphrase.secret() : nil)
        } catch let error as KeyFileError {
            throw Failure(
                error.description, advice: error.problem == .passphraseMissing ? "Give --passphrase-file." : nil)
        }
    }

    private func load(_ kind: KeyKind, isNext: Bool) throws -> KeyFile {
        do {
            return try KeyFile.load(kind, from: file(kind) + (isNext ? ".next" : ""))
        } catch {
            throw Failure(error.description, advice: KeyDirectory.advice(error))
        }
    }

    static func advice(_ error: KeyFileError) -> String? {
        switch error.problem {
        case .permissionsTooWide: "Run: chmod 600 \(error.path)"
        case .file: "Keys are made with: meshctl keygen --site NAME"
        default: nil
        }
    }
}
