import Crypto
import Ledger
import SiteFiles

/// An invitation, held against the genesis and the keys of the site that it is for.
struct InvitationCheck {
    let invitation: Invitation
    /// The site that joins, as its card says.
    let member: Member
    let warnings: [String]

    init(_ path: String, genesis: Genesis, _ newest: NewestMembers, _ directory: KeyDirectory) throws {
        let signed = try Armour.read(SignedInvitation.self, Armour.invitation, from: path)
        guard signed.network == genesis.network else {
            throw Failure(
                "\(path) invites to network \(signed.network.short), and the genesis file is of network \(genesis.network.short)",
                advice: "Ask \(signed.invitation.inviter.name) for the genesis file that belongs to the invitation.")
        }
        guard signed.isSigned else {
            throw Failure("\(path): the signature does not belong to the invitation", advice: "Ask for it again.")
        }
        invitation = signed.invitation
        member = try SignedCard.read(directory.card).card.member
        guard invitation.invitee.id == member.id else {
            throw Failure(
                "\(path) invites member \(invitation.invitee.id.short), and the card in \(directory.path) is of \(member.id.short)"
            )
        }
        guard invitation.invitee == member else {
            throw Failure(
                "\(path) invites \(member.name) with other keys than those of the card in \(directory.path)",
                advice: "Send the present card and ask for another invitation.")
        }
        for (kind, bytes) in [(KeyKind.nodeKey, member.nodeKey.bytes), (.linkKey, member.linkKey.bytes)] {
            guard try directory.publicKeyBytes(kind) == bytes else {
                throw Failure("the \(kind) in \(directory.path) is not the one on the card")
            }
        }
        if newest.members[invitation.inviter.id]?.operatorKey == invitation.inviter.operatorKey {
            warnings = []
        } else if newest.isConclusive, invitation.height < newest.height {
            // A thief of a retired operator key could still write one.
            throw Failure(
                "\(path) is signed with an operator key that no member of \(newest.words) has",
                advice: "Ask \(invitation.inviter.name) for a new invitation.")
        } else {
            warnings = [
                """
                The operator key that signed the invitation is not in \(newest.words): \(invitation.inviter.name) came \
                later, or has rotated it. Compare it with them over another channel: \(invitation.inviter.operatorKey)
                """
            ]
        }
    }
}
