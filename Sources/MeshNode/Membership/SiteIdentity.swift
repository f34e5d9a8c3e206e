import Ledger
import SiteFiles

/// Which member this site is, or is to be.
struct SiteIdentity {
    let member: MemberID
    let name: String
    /// Whether the set that decides the next version has it.
    let isMember: Bool

    /// - Throws: `DaemonError` where the keys are nobody's and the configuration names no member.
    init(_ keys: KeyRing, _ site: Configuration.Site, members: MemberSet) throws {
        let known = members.members.first { $0.nodeKey == keys.nodeKey.verifyingKey || keys.isNext(of: $0) }
        if let known {
            guard known.linkKey == keys.linkKey.publicKey || keys.isNext(of: known) else {
                throw DaemonError(
                    "\(site.linkKey): is not the link key of \(known.name), whose node key this site has")
            }
            if let name = site.name, name != known.name {
                throw DaemonError("the keys are those of \(known.name), and [site] name says \(name)")
            }
            member = known.id
            name = known.name
            isMember = true
            return
        }
        guard let path = site.card else {
            throw DaemonError(
                "\(site.nodeKey): no member of the mesh has this node key; a site that is still to be admitted names its "
                    + "card under [site] card")
        }
        let card = try SignedCard.read(path).card.member
        if let other = members[card.id] {
            throw DaemonError("\(site.nodeKey): is not the node key of \(other.name), and there is no next one that is")
        }
        let wasMember = members.tombstones.contains { $0.id == card.id }
        guard wasMember || card.nodeKey == keys.nodeKey.verifyingKey else {
            throw DaemonError("\(path): is the card of another node key than \(site.nodeKey)")
        }
        guard wasMember || card.linkKey == keys.linkKey.publicKey else {
            throw DaemonError("\(path): is the card of another link key than \(site.linkKey)")
        }
        if let name = site.name, name != card.name {
            throw DaemonError("\(path): is the card of \(card.name), and [site] name says \(name)")
        }
        member = card.id
        name = card.name
        isMember = false
    }
}
