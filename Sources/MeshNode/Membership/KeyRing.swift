import Crypto
import Glibc
import Ledger
import SiteFiles

/// The node and link key of this site, and how a rotation replaces them.
///
/// `meshctl propose rotate-key` lays `node.key.next` and `link.key.next` beside the keys. Once a version names the new ones
/// they are taken up; once that version is durable the retired ones are erased, so that nobody can steal them.
final class KeyRing {
    private(set) var nodeKey: SigningKey
    private(set) var linkKey: LinkKey
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
    func nextNodeKey(for member: Member) throws -> SigningKey? {
        guard isNext(of: member) else { return nil }
        return try KeyFile.load(.nodeKey, from: KeyRing.next(site.nodeKey)).signingKey(
            passphrase: KeyRing.passphrase(site))
    }

    /// The keys that a rotation would leave this site with; nil where none lies here that peers would know.
    func nextKeys() throws -> (node: SigningKey, link: LinkKey)? {
        let (node, link) = (KeyRing.next(site.nodeKey), KeyRing.next(site.linkKey))
        guard DiskFile.exists(link) else { return nil }
        let passphrase = try KeyRing.passphrase(site)
        return (
            DiskFile.exists(node) ? try KeyFile.load(.nodeKey, from: node).signingKey(passphrase: passphrase) : nodeKey,
            try KeyFile.load(.linkKey, from: link).linkKey(passphrase: passphrase)
        )
    }

    /// Puts the keys that were taken up into the place of the retired ones, which are erased. To be called once the version
    /// that retired them is durable: before, a restart may need them.
    func eraseRetired() throws {
        try erase(.nodeKey, site.nodeKey, keeping: nodeKey.verifyingKey.bytes)
        try erase(.linkKey, site.linkKey, keeping: linkKey.publicKey.bytes)
    }

    private func erase(_ kind: KeyKind, _ path: String, keeping publicKey: [UInt8]) throws {
        guard DiskFile.exists(KeyRing.next(path)),
            try KeyFile.load(kind, from: KeyRing.next(path)).publicKeyBytes == publicKey
        else { return }
        // A second name first: a crash in between leaves a retired key to be erased, and never this site without its key.
        let retired = path + ".retired"
        guard link(path, retired) == 0 || errno == EEXIST else {
            throw StoreError.system(file: path, operation: "link", code: errno)
        }
        try DiskFile.rename(KeyRing.next(path), to: path)
        try DiskFile.synchronizeDirectory(DiskFile.folder(of: path))
        try DiskFile.erase(retired)
    }

    /// What a crash in the middle of `eraseRetired` left. A second name of a key that is in use only goes.
    func finishErasing() throws {
        for (kind, path, publicKey) in [
            (KeyKind.nodeKey, site.nodeKey, nodeKey.verifyingKey.bytes),
            (.linkKey, site.linkKey, linkKey.publicKey.bytes),
        ] where DiskFile.exists(path + ".retired") {
            let retired = try? KeyFile.load(kind, from: path + ".retired")
            if retired?.publicKeyBytes == publicKey {
                DiskFile.remove(path + ".retired")
            } else {
                try DiskFile.erase(path + ".retired")
            }
        }
    }

    private func nextFile(
        _ kind: KeyKind, _ path: String, _ publicKey: [UInt8], _ member: Member
    ) throws -> KeyFile {
        guard DiskFile.exists(KeyRing.next(path)) else {
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
