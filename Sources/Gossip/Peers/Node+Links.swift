import Ledger

extension Node {
    var linkedMembers: [MemberID] { links.order.compactMap { links[$0]?.member }.sorted() }

    func linkUp(_ id: LinkID, _ member: MemberID) {
        if let replaced = links.add(id, member: member) {
            forgetProvider(replaced)
            evidence.forget(replaced)
            effects.append(.close(replaced, .replacedByNewerLink))
        }
        // First where this node stands: by that the peer knows whether it can judge the keys of what follows.
        send(.summary(summary), to: id)
        if let own = addresses[identity.member] { send(.address(own), to: id) }
        noteLinksChanged()
        ask(id)
        announceEvidence(to: id)
    }

    func linkDown(_ id: LinkID) {
        guard links[id] != nil else { return }
        links.remove(id)
        forgetProvider(id)
        evidence.forget(id)
        noteLinksChanged()
    }

    func cutOff(_ id: LinkID, _ reason: CloseReason) {
        guard let link = links[id] else { return }
        emit(.linkCutOff(link.member, reason))
        effects.append(.close(id, reason))
        linkDown(id)
    }
}
