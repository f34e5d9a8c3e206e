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
        membership.observers.cards.values.map { card in
            let member = card.card.member
            return Observer(
                member: text(member.id), site: siteName(member.name), linkKey: key(member.linkKey.bytes),
                isLinked: keeper.transport.view(of: member.id).isLinked)
        }.sorted { $0.site != $1.site ? $0.site < $1.site : $0.member.text < $1.member.text }
    }

    func answerInvite(_ id: Int64, _ parameters: Invite, _ connection: ControlConnection) {
        func refuse(_ words: String) {
            connection.refuse(id, ControlRefusal(.invalidCard, message: "the card \(words)"))
        }
        guard let own = chain.members[keeper.node.identity.member] else {
            return connection.refuse(
                id, ControlRefusal(.notAMember, message: "this site is no member itself and can invite nobody"))
        }
        let card: SignedCard
        do throws(RecordError) { card = try SignedCard(encoded: parameters.card.bytes) } catch {
            return refuse("is no record of one: \(error)")
        }
        if let refusal = membership.observers.refusal(of: card, chain) { return refuse(refusal) }
        membership.invite(card) { [self] failure in
            if let failure {
                return connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(failure)"))
            }
            connection.answer(
                id, to: Invite.self,
                Invited(
                    network: text(chain.network), inviter: record(own), height: Int64(clamping: chain.height.value),
                    version: text(chain.headDigest), addresses: keeper.node.identity.addresses))
        }
    }

    func answerInviteWithdraw(_ id: Int64, _ parameters: InviteWithdraw, _ connection: ControlConnection) {
        let member = MemberID(digest(parameters.member))
        guard membership.observers.cards[member] != nil else {
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
