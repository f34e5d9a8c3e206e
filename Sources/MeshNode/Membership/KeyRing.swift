import Crypto
import Ledger
import SiteFiles
import System

/// The node and link key of this site, and how a rotation replaces them.
///
/// `meshctl propose rotate-key` lays `node.key.next` and `link.key.next` beside the keys. Once a version names the new ones
/// they are taken up; once that version is durable the retired ones are erased, so that nobody can steal them.
final class KeyRing {
    private(set) var nodeKey: SigningKey
    private(set) var linkKey: LinkKey
    /// Why a retired key is still on the disk, for people; nil if none is. An alarm, never a reason not to run: the keys in use are
    /// not affected, and a site that does not start helps nobody.
    private(set) var residue: String?
    private let site: Configuration.Site

    /// - Throws: `KeyFileError`, which names the file; `SiteFileError` for the passphrase's.
    init(_ site: Configuration.Site) throws {
        self.site = site
        let passphrase = try KeyRing.passphrase(site)
        nodeKey = try KeyFile.load(.nodeKey, from: site.nodeKey).signingKey(passphrase: passphrase)
        linkKey = try KeyFile.load(.linkKey, from: site.linkKey).linkKey(passphrase: passphrase)
    }

    static func next(_ path: String) -> String { path + ".next" }

    /// Takes up the next keys where `member`, this site in the set that decides the next version, has them.
    ///
    /// - Returns: whether anything changed.
    /// - Throws: `KeyFileError` or `DaemonError` where the member's keys are neither here nor next.
    func follow(_ member: Member) throws -> Bool {
        let passphrase = try KeyRing.passphrase(site)
        var isChanged = false
        if member.nodeKey != nodeKey.verifyingKey {
            let next = try nextFile(.nodeKey, site.nodeKey, member.nodeKey.bytes, member)
            nodeKey = try next.signingKey(passphrase: passphrase)
            isChanged = true
        }
        if member.linkKey != linkKey.publicKey {
            let next = try nextFile(.linkKey, site.linkKey, member.linkKey.bytes, member)
            linkKey = try next.linkKey(passphrase: passphrase)
            isChanged = true
        }
        return isChanged
    }

    /// Whether `member` has a key that lies here as the next one.
    func isNext(of member: Member) -> Bool {
        guard let file = try? KeyFile.load(.nodeKey, from: KeyRing.next(site.nodeKey)) else { return false }
        return file.publicKeyBytes == member.nodeKey.bytes
    }

    /// The node key that a rotation to `member` would put in the place of the present one; nil where it does not lie here.
    ///
    /// - Throws: `KeyFileError` where there is a next key that cannot be read: the rotation waits for it.
    func nextNodeKey(for member: Member) throws -> SigningKey? {
        let next = KeyRing.next(site.nodeKey)
        guard File.exists(next) else { return nil }
        let file = try KeyFile.load(.nodeKey, from: next)
        guard file.publicKeyBytes == member.nodeKey.bytes else { return nil }
        return try file.signingKey(passphrase: KeyRing.passphrase(site))
    }

    /// The keys that a rotation would leave this site with; nil where none lies here that peers would know.
    func nextKeys() throws -> (node: SigningKey, link: LinkKey)? {
        let (node, link) = (KeyRing.next(site.nodeKey), KeyRing.next(site.linkKey))
        guard File.exists(link) else { return nil }
        let passphrase = try KeyRing.passphrase(site)
        return (
            File.exists(node) ? try KeyFile.load(.nodeKey, from: node).signingKey(passphrase: passphrase) : nodeKey,
            try KeyFile.load(.linkKey, from: link).linkKey(passphrase: passphrase)
        )
    }

    /// Puts the keys that were taken up into the place of the retired ones, which are erased; so is what a crash or a failure
    /// left of an earlier attempt. To be called once the version that retired them is durable: before, a restart may need
    /// them. `residue` says afterwards whether it worked.
    func eraseRetired() {
        do {
            for (kind, path, publicKey) in [
                (KeyKind.nodeKey, site.nodeKey, nodeKey.verifyingKey.bytes),
                (.linkKey, site.linkKey, linkKey.publicKey.bytes),
            ] {
                try erase(kind, path, keeping: publicKey)
                try finishErasing(kind, path, keeping: publicKey)
            }
            residue = nil
        } catch {
            residue = "\(error)"
        }
    }

    private func erase(_ kind: KeyKind, _ path: String, keeping publicKey: [UInt8]) throws {
        guard File.exists(KeyRing.next(path)),
            try KeyFile.load(kind, from: KeyRing.next(path)).publicKeyBytes == publicKey
        else { return }
        // A second name first: a crash in between leaves a retired key to be erased, and never this site without its key.
        let retired = path + ".retired"
        // What lies there already may be that second name, or what is left of an earlier rotation.
        if File.exists(retired), !File.isSame(path, retired) { try File.erase(retired) }
        try File.link(path, as: retired)
        try File.rename(KeyRing.next(path), to: path)
        try File.erase(retired)
    }

    /// What a crash in the middle of erasing left. A second name of a key that is in use is only removed.
    private func finishErasing(_ kind: KeyKind, _ path: String, keeping publicKey: [UInt8]) throws {
        let retired = path + ".retired"
        guard File.exists(retired) else { return }
        if let file = try? KeyFile.load(kind, from: retired), file.publicKeyBytes == publicKey {
            try File.unlink(retired)
        } else {
            try File.erase(retired)
        }
    }

    private func nextFile(
        _ kind: KeyKind, _ path: String, _ publicKey: [UInt8], _ member: Member
    ) throws -> KeyFile {
        guard File.exists(KeyRing.next(path)) else {
            throw DaemonError("\(path): is not the \(kind) of \(member.name), and there is no \(KeyRing.next(path))")
        }
        let file = try KeyFile.load(kind, from: KeyRing.next(path))
        guard file.publicKeyBytes == publicKey else {
            throw DaemonError("neither \(path) nor \(file.path) is the \(kind) of \(member.name)")
        }
        return file
    }

    private static func passphrase(_ site: Configuration.Site) throws -> SecretBytes? {
        try site.passphraseFile.map { try PassphraseFile.read($0) }
    }
}
