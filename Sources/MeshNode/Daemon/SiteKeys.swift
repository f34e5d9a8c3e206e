import Crypto
import Ledger

/// The keys of this site and the member that they belong to.
struct SiteKeys {
    let nodeKey: SigningKey
    let linkKey: LinkKey

    /// - Throws: `KeyFileError`, which names the file; `StoreError` for the passphrase's.
    init(_ site: Configuration.Site) throws {
        let passphrase = try site.passphraseFile.map { try SiteKeys.passphrase(in: $0) }
        nodeKey = try KeyFile.load(.nodeKey, from: site.nodeKey).signingKey(passphrase: passphrase)
        linkKey = try KeyFile.load(.linkKey, from: site.linkKey).linkKey(passphrase: passphrase)
    }

    /// The first line of the file.
    private static func passphrase(in path: String) throws -> SecretBytes {
        let bytes = try DiskFile.contents(of: path, limitBytes: 4096)
        return SecretBytes(Array(bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }))
    }

    /// Who this site is in `members`.
    func member(of members: MemberSet, _ site: Configuration.Site) throws -> Member {
        guard let member = members.members.first(where: { $0.nodeKey == nodeKey.verifyingKey }) else {
            throw DaemonError("\(site.nodeKey): no member of the mesh has this node key")
        }
        guard member.linkKey == linkKey.publicKey else {
            throw DaemonError("\(site.linkKey): is not the link key of \(member.name), whose node key this site has")
        }
        if let name = site.name, name != member.name {
            throw DaemonError("the keys are those of \(member.name), and [site] name says \(name)")
        }
        return member
    }
}
