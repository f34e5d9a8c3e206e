import Ledger

extension Node {
    var linkedMembers: [MemberID] { links.order.compactMap { links[$0]?.member }.sorted() }

    func linkUp(_ id: LinkID, _ member: MemberID) {
        if let replaced = links.add(id, member: member) {
            forgetProvider(replaced)
            evidence.forget(replaced)
            actions.append(.close(replaced, .replacedByNewerLink))
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
        actions.append(.close(id, reason))
        linkDown(id)
    }

    func received(_ bytes: [UInt8], from link: LinkID) {
        guard links[link] != nil else { return }
        guard let message = try? reader.message(bytes) else {
            cutOff(link, .malformedMessage)
            return
        }
        chargingFailures(to: link) {
            notice(own: statements(of: identity.member, in: message))
            if isEarly(message) {
                keepEarly(message, byteCount: bytes.count, from: link)
            } else {
                received(message, from: link)
            }
        }
    }

    private func received(_ message: Message, from link: LinkID) {
        guard let member = links[link]?.member, chain.members[member] != nil || isOpenToObservers(message) else {
            return
        }
        guard observe(message, from: link) else { return }
        switch message {
        case .summary(let summary): received(summary, from: link)
        case .contribution(let signed): received(signed, from: link)
        case .have(let digest, let pieces): received(have: digest, pieces, from: link)
        case .want(let digest, let pieces): received(want: digest, pieces, from: link)
        case .availability(let votes): received(votes, from: link)
        case .closed(let closed): received(closed, from: link)
        case .closing(let names): received(names)
        case .ready(let ready): received(ready, from: link)
        case .proposal(let proposal): received(proposal, from: link)
        case .payload(let payload): received(payload, from: link)
        case .votes(let votes): received(votes, from: link)
        case .certified(let payload, let certificate): received(payload, certificate, from: link)
        case .fetch(let items): received(fetch: items, from: link)
        case .address(let record): received(record, from: link)
        case .question(let question): received(question, from: link)
        case .report(let report): received(report, from: link)
        case .requestHeaders(let from): received(headersFrom: from, from: link)
        case .headerPart(let part): received(part, from: link)
        case .blocks(let root, let note): received(root, note, from: link)
        case .evidence(let message): received(message, from: link)
        case .linked(let members, let linked): received(linked: linked, of: members, from: link)
        case .carried(let action): received(carried: action)
        case .action(let signed): received(signed, from: link)
        case .readiness(let statement, let signatures): received(statement, signatures, from: link)
        case .review(let review): received(review, from: link)
        case .verdict(let judged): received(judged, from: link)
        }
    }

    /// Whether the message belongs to the height after the one that is being agreed on: its sender has adopted a
    /// version that this node is about to adopt.
    func isEarly(_ message: Message) -> Bool {
        let early = height.height.next
        switch message {
        case .contribution(let signed): return signed.body.baseHeight.next == early
        case .availability(let votes): return votes.vote.baseHeight.next == early
        case .closed(let closed): return closed.body.height == early
        case .ready(let ready): return ready.body.height == early
        case .proposal(let proposal): return proposal.body.height == early
        case .payload(let payload): return payload.version.height == early
        case .votes(let votes): return votes.vote.height == early
        case .have(let digest, _): return contributions[digest] == nil
        default: return false
        }
    }

    /// Bounded a link; what does not fit comes again with the peer's answer to this node's next summary.
    private func keepEarly(_ message: Message, byteCount: Int, from link: LinkID) {
        links.update(link) { link in
            guard link.earlyBytes + byteCount <= LinkTable.earlyBytesMaximum else { return }
            link.early.append(message)
            link.earlyBytes += byteCount
        }
    }

    /// Takes up what was kept, once: what still says nothing to this node would fill the place for ever.
    func replayEarly() {
        for id in links.order {
            let early = links[id]?.early ?? []
            links.update(id) {
                $0.early = []
                $0.earlyBytes = 0
            }
            for message in early where links[id] != nil {
                chargingFailures(to: id) { received(message, from: id) }
            }
        }
    }
}
