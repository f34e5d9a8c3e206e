import Ledger

/// From a message to the part of the node that it concerns.
extension Node {
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
