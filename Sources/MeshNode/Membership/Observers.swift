import Crypto
import Gossip
import Ledger
import Link

/// Sites that this one has invited: no members, and yet their daemons may have a link to this one's, to follow the chain
/// and to say that they are ready for their own admission. Kept in the database, by member id.
///
/// An invitation counts while this site's current operator key has signed it and it has not expired: both are asked again
/// whenever a link is to be let in, and when the chain moves.
struct Observers {
    static let maximum = 64
    /// Invited and withdrawn sites together: a withdrawn one is remembered until its invitations have expired.
    static let recordedMaximum = 256

    /// What is remembered of a site whose invitation was withdrawn: nothing up to this number is taken again.
    struct Withdrawn: Hashable {
        let sequence: UInt64
        /// From the next height on no invitation that was taken could count.
        let expires: Height
    }

    /// This site, in whose name invitations are signed.
    let site: MemberID
    /// Each with a valid signature of the operator key that it names.
    private(set) var invitations: [MemberID: SignedInvitation] = [:]
    private(set) var withdrawn: [MemberID: Withdrawn]

    init(site: MemberID, _ invitations: [SignedInvitation] = [], withdrawn: [MemberID: Withdrawn] = [:]) {
        self.site = site
        self.withdrawn = withdrawn
        for signed in invitations where signed.isSigned { self.invitations[signed.invitation.invitee.id] = signed }
    }

    /// The invited site with this id, if its invitation counts on this chain.
    func observer(_ id: MemberID, _ chain: Chain) -> Member? {
        guard let signed = invitations[id], counts(signed, chain) else { return nil }
        return signed.invitation.invitee
    }

    /// Who may have a link with this link key.
    func linkPeer(linkKey: LinkPublicKey, _ chain: Chain) -> LinkPeer? {
        let found = invitations.values.first { $0.invitation.invitee.linkKey == linkKey && counts($0, chain) }
        return found.map { LinkPeer(member: $0.invitation.invitee.id, nodeKey: $0.invitation.invitee.nodeKey) }
    }

    /// Those whose invitation counts, by ascending name.
    func current(_ chain: Chain) -> [Member] {
        invitations.values.filter { counts($0, chain) }.map(\.invitation.invitee).sorted {
            $0.name != $1.name ? $0.name < $1.name : $0.id < $1.id
        }
    }

    /// Ids of those whose invitation does not count any more: it has expired, or this site's operator key was rotated.
    func ended(_ chain: Chain) -> [MemberID] {
        invitations.filter { !counts($0.value, chain) }.keys.sorted()
    }

    private func counts(_ signed: SignedInvitation, _ chain: Chain) -> Bool {
        signed.invitation.expires >= chain.height && namesOperator(signed, chain)
    }

    /// Whether the key that the invitation names as the signer's is this site's operator key in the current set.
    private func namesOperator(_ signed: SignedInvitation, _ chain: Chain) -> Bool {
        signed.network == chain.network && signed.invitation.inviter.id == site
            && chain.members[site]?.operatorKey == signed.invitation.inviter.operatorKey
    }

    /// The number of the next invitation of this site.
    func nextSequence(of id: MemberID) -> UInt64 {
        max(invitations[id]?.invitation.sequence ?? 0, withdrawn[id]?.sequence ?? 0) + 1
    }

    mutating func insert(_ signed: SignedInvitation) {
        let id = signed.invitation.invitee.id
        invitations[id] = signed
        withdrawn[id] = nil
    }

    /// - Returns: what is to be remembered; nil if no such site was invited.
    func tombstone(of id: MemberID) -> Withdrawn? {
        invitations[id].map { Withdrawn(sequence: $0.invitation.sequence, expires: $0.invitation.expires) }
    }

    mutating func remove(_ id: MemberID, leaving tombstone: Withdrawn?) {
        invitations[id] = nil
        withdrawn[id] = tombstone
    }

    /// Drops what is remembered of withdrawn sites whose invitations would have expired by now.
    mutating func forgetExpired(_ chain: Chain) -> [MemberID] {
        let gone = withdrawn.filter { $0.value.expires < chain.height }.keys.sorted()
        for id in gone { withdrawn[id] = nil }
        return gone
    }

    /// Why the invitation is not taken, as the rest of a sentence about it; nil where it is.
    func refusal(of signed: SignedInvitation, _ chain: Chain) -> String? {
        let invitation = signed.invitation
        guard signed.network == chain.network else { return "is for network \(signed.network.short)" }
        guard let own = chain.members[site] else { return "is of a site that is no member" }
        guard namesOperator(signed, chain), signed.isSigned else {
            return "is not signed by the current operator key of \(own.name)"
        }
        let known =
            invitation.height == chain.height ? chain.headDigest : chain.history.version(at: invitation.height)
        guard invitation.height <= chain.height, known == invitation.version else {
            return "names a version \(invitation.height) that is not on this chain"
        }
        guard invitation.expires >= chain.height else { return "has expired with version \(invitation.expires)" }
        guard invitation.sequence >= nextSequence(of: invitation.invitee.id) else {
            return "has number \(invitation.sequence), which was used: make a new one"
        }
        return refusal(of: invitation.invitee, chain)
    }

    /// Why this site cannot be invited at all.
    private func refusal(of member: Member, _ chain: Chain) -> String? {
        guard chain.members[member.id] == nil else { return "is for \(member.name), which is a member" }
        guard !chain.members.tombstones.contains(where: { $0.id == member.id }) else {
            return "is for a former member: a site that comes back makes new keys"
        }
        let taken = chain.members.members.first {
            $0.name == member.name || $0.linkKey == member.linkKey || $0.nodeKey == member.nodeKey
        }
        if let taken { return "is for a site with a name or a key of \(taken.name)" }
        let others = invitations.values.map(\.invitation.invitee).filter { $0.id != member.id }
        guard others.allSatisfy({ $0.linkKey != member.linkKey }) else {
            return "is for a site with the link key of another site that is invited"
        }
        guard others.count < Observers.maximum else { return "is one more than \(Observers.maximum) invited sites" }
        guard others.count + withdrawn.count < Observers.recordedMaximum else {
            return "is one more than are recorded: wait until withdrawn invitations have expired"
        }
        return nil
    }
}
