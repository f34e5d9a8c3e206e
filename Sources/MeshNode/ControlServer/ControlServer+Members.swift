import Control
import Crypto
import Gossip
import Ledger

/// Who the members are, and whom this site has invited.
extension ControlServer {
    var members: MembersResponse {
        MembersResponse(
            height: Int64(chain.nextHeight.value), memberSet: text(chain.members.digest),
            members: chain.members.members.enumerated().map { index, member in
                Control.Member(
                    id: Int64(index), member: text(member.id), site: siteName(member.name),
                    operatorKey: key(member.operatorKey.bytes), nodeKey: key(member.nodeKey.bytes),
                    linkKey: key(member.linkKey.bytes), keyEpoch: Int64(member.keyEpoch))
            }, observers: observers)
    }

    private var observers: [Observer] {
        membership.invited.map { member in
            Observer(
                member: text(member.id), site: siteName(member.name), linkKey: key(member.linkKey.bytes),
                isLinked: driver.transport.view(of: member.id).isLinked)
        }
    }

    func answerInvitation(_ id: Int64, _ parameters: InvitationRequest, _ connection: ControlConnection) {
        guard let own = chain.members[driver.node.identity.member] else { return refuseInviting(id, connection) }
        let sequence = membership.observers.nextSequence(of: MemberID(digest(parameters.member)))
        connection.answer(
            id, to: InvitationRequest.self,
            InvitationDraft(
                network: text(chain.network), inviter: record(own), sequence: Int64(clamping: sequence),
                height: Int64(clamping: chain.height.value), version: text(chain.headDigest),
                addresses: driver.node.identity.addresses))
    }

    private func refuseInviting(_ id: Int64, _ connection: ControlConnection) {
        connection.refuse(id, ControlRefusal(.notAMember, message: "this site is no member itself and cannot invite"))
    }

    /// Takes an invitation only with the signature of this site's operator key: a process that can reach the socket and
    /// has no such key lets nobody in.
    func answerInvite(_ id: Int64, _ parameters: Invite, _ connection: ControlConnection) {
        func refuse(_ words: String) {
            connection.refuse(id, ControlRefusal(.invalidInvitation, message: "the invitation \(words)"))
        }
        guard chain.members[driver.node.identity.member] != nil else { return refuseInviting(id, connection) }
        let signed: SignedInvitation
        do throws(RecordError) { signed = try SignedInvitation(encoded: parameters.invitation.bytes) } catch {
            return refuse("is not a valid record: \(error)")
        }
        if let refusal = membership.observers.refusal(of: signed, chain) { return refuse(refusal) }
        membership.invite(signed) { failure in
            if let failure {
                return connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(failure)"))
            }
            connection.answer(id, to: Invite.self, Accepted())
        }
    }

    func answerInviteWithdraw(_ id: Int64, _ parameters: InviteWithdraw, _ connection: ControlConnection) {
        let member = MemberID(digest(parameters.member))
        guard membership.observers.invitations[member] != nil else {
            return connection.refuse(id, ControlRefusal(.notFound, message: "no such site is invited"))
        }
        membership.withdraw(member) { failure in
            if let failure {
                return connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(failure)"))
            }
            connection.answer(id, to: InviteWithdraw.self, Accepted())
        }
    }

    func record(_ record: some Record) -> RecordText {
        guard let text = RecordText(bytes: record.encoded) else {
            preconditionFailure("no record of governance is that long")
        }
        return text
    }

    func key(_ bytes: [UInt8]) -> DigestText {
        guard let text = DigestText(Hex.encode(bytes)) else { preconditionFailure("a public key has 32 bytes") }
        return text
    }
}
