import ArgumentParser
import Control
import Crypto
import Glibc
import Ledger
import System

struct ProposeRotateKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-key", abstract: "Give this site a new node and link key, or a new operator key too.",
        discussion: """
            Makes node.key.next and link.key.next beside the daemon's keys (and operator.key.next beside the operator key). \
            The daemon goes over to them by itself once the members have agreed, and erases the retired keys. Others must \
            sign too: this site's operator alone could otherwise fill the one place for an action for ever.
            """)

    @Flag(name: .customLong("operator"), help: "Make a new operator key too.")
    var newOperator = false

    @OptionGroup var options: ProposalOptions

    func run() throws {
        guard let configuration = try options.daemon.configuration() else {
            throw Failure(
                "rotate-key needs the daemon's configuration, which says where its keys are",
                advice: "Give --config meshnode.toml.")
        }
        let connection = try options.daemon.connect()
        let chain = try GovernanceClient(connection)
        let present = try chain.ownMember()
        guard present.keyEpoch < UInt32.max else { throw Failure("\(present.name) has no key epoch left") }
        guard !newOperator || !options.unsigned else {
            throw Failure(
                "--operator needs the operator key at hand: leave --unsigned out, and use --out where it is offline")
        }
        let daemonPassphrase = PassphraseOption(file: configuration.site.passphraseFile)
        let nodeKey = try NextKey(.nodeKey, beside: configuration.site.nodeKey, daemonPassphrase)
        let linkKey = try NextKey(.linkKey, beside: configuration.site.linkKey, daemonPassphrase)
        var operatorKey = present.operatorKey
        if newOperator {
            // What is left of an earlier rotation is ended first: its key is not the one that follows.
            _ = try options.operatorKey.signer(in: chain.members, areFromDaemon: true)
            let directory = try options.operatorKey.required()
            let next = try NextKey(.operatorKey, beside: directory.operatorKey, options.operatorKey.passphrase)
            operatorKey = try next.signingKey(options.operatorKey.passphrase).verifyingKey
        }
        guard let linkPublicKey = LinkPublicKey(bytes: linkKey.file.publicKeyBytes) else {
            preconditionFailure("a key file has 32 public bytes")
        }
        let signingKey = try nodeKey.signingKey(daemonPassphrase)
        let member = Ledger.Member(
            id: present.id, name: present.name, operatorKey: operatorKey, nodeKey: signingKey.verifyingKey,
            linkKey: linkPublicKey, keyEpoch: present.keyEpoch + 1)
        let governance = try GovernanceClient(connection, subject: .member(present.id))
        try options.propose(.rotate(member), governance) { $0.signature(by: signingKey, network: governance.network) }
    }
}

/// A key that is to follow the one at `path`: `path.next`. Made where it is not there yet, so that a rotation that was
/// begun is gone on with.
private struct NextKey {
    let file: KeyFile

    init(_ kind: KeyKind, beside path: String, _ passphrase: PassphraseOption) throws {
        let next = path + ".next"
        do throws(KeyFileError) {
            if !File.exists(next) {
                let isProtected = File.exists(path) ? try KeyFile.load(kind, from: path).isProtected : false
                let secret = isProtected ? try NextKey.secret(passphrase, next) : nil
                var random = SeededRandom.system()
                try KeyFile(
                    kind: kind, secret: .random(count: 32), path: next, passphrase: secret, random: &random
                ).store()
            }
            file = try KeyFile.load(kind, from: next)
        } catch {
            throw Failure(error.description, advice: KeyDirectory.advice(error))
        }
    }

    /// A new key is protected as the old one was.
    private static func secret(_ passphrase: PassphraseOption, _ path: String) throws(KeyFileError) -> SecretBytes {
        guard let secret = try? passphrase.secret() else {
            throw KeyFileError(path: path, problem: .passphraseMissing)
        }
        return secret
    }

    func signingKey(_ passphrase: PassphraseOption) throws -> SigningKey {
        do {
            return try file.signingKey(passphrase: file.isProtected ? passphrase.secret() : nil)
        } catch let error as KeyFileError {
            throw Failure(error.description)
        }
    }
}
